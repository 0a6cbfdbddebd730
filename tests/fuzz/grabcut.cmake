hr_add_fuzzer(probe_fuzzer SOURCES probe_fuzzer.c LIBS grabcut-static)
hr_add_fuzzer(decode_fuzzer SOURCES decode_fuzzer.c LIBS grabcut-static)
hr_add_fuzzer(segment_fuzzer SOURCES segment_fuzzer.c LIBS grabcut-static)
