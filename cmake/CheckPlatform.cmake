# Refuses processors for which the libraries are not written, with a sentence instead of wrong results.
if(NOT CMAKE_SIZEOF_VOID_P EQUAL 8 OR NOT CMAKE_C_BYTE_ORDER STREQUAL "LITTLE_ENDIAN")
  math(EXPR bits "8 * ${CMAKE_SIZEOF_VOID_P}")
  message(FATAL_ERROR "headerroute supports 64-bit little-endian processors only, such as x86-64 and arm64; "
    "this compiler builds for ${bits} bits, ${CMAKE_C_BYTE_ORDER}")
endif()
