/* Reading of an image's size from its header, before any pixel is decoded. */
#include <grabcut/grabcut.h>

#include "files.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *const FORMATS[] = {"unknown", "jpg", "png", "webp", "bmp"};

Test(probe, every_kind_of_file_tells_format_size_and_orientation) {
    size_t len;
    char *text = (char *)read_source_file("tests/grabcut/pictures/expected.txt", &len);
    int n = 0;
    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save), n++) {
        char name[64], path[128];
        int width, height, orientation;
        grabcut_probe probe = GRABCUT_PROBE_INIT;
        grabcut_errbuf err;
        cr_assert_eq(sscanf(line, "%63s %d %d %d", name, &width, &height, &orientation), 4);
        snprintf(path, sizeof(path), "tests/grabcut/pictures/good/%s", name);
        uint8_t *bytes = read_source_file(path, &len);
        cr_assert_eq(grabcut_probe_header(&probe, bytes, len, &err), GRABCUT_OK, "%s: %s", name,
                     err.text);
        cr_expect_str_eq(strrchr(name, '.') + 1, FORMATS[probe.format], "%s", name);
        cr_expect_eq(probe.orientation, orientation, "%s: %d", name, probe.orientation);
        /* Stored, before the orientation is applied. */
        cr_expect(probe.width == 19 && probe.height == 13, "%s: %dx%d", name, probe.width,
                  probe.height);
        free(bytes);
    }
    cr_assert(n > 90);
    free(text);
}

Test(probe, names_formats_by_their_media_types) {
    cr_assert_str_eq(grabcut_format_mime(GRABCUT_FORMAT_JPEG), "image/jpeg");
    cr_assert_str_eq(grabcut_format_mime(GRABCUT_FORMAT_PNG), "image/png");
    cr_assert_str_eq(grabcut_format_mime(GRABCUT_FORMAT_WEBP), "image/webp");
    cr_assert_str_eq(grabcut_format_mime(GRABCUT_FORMAT_BMP), "image/bmp");
    cr_assert_null(grabcut_format_mime(GRABCUT_FORMAT_UNKNOWN));
    cr_assert_null(grabcut_format_mime((grabcut_format)99));
}

static void refused(const char *bytes, size_t len, int code, const char *sentence) {
    grabcut_probe probe = GRABCUT_PROBE_INIT;
    grabcut_errbuf err;
    uint8_t *p = malloc(len ? len : 1);
    memcpy(p, bytes, len);
    int rc = grabcut_probe_header(&probe, p, len, &err);
    cr_expect_eq(rc, code, "%s: %d %s", sentence, rc, err.text);
    cr_expect_not_null(strstr(err.text, sentence), "%s", err.text);
    cr_expect(probe.format == 0 && probe.width == 0 && probe.height == 0 && probe.orientation == 0);
    free(p);
}
#define REFUSED(literal, code, sentence) refused(literal, sizeof(literal) - 1, code, sentence)

#define SOI "\xff\xd8"
#define SOF(height, width) "\xff\xc0\0\x0b\x08" height width "\x01\x01\x11\0"
#define SOS "\xff\xda\0\x08\x01\x01\0\0\x3f\0"
#define SIGNATURE "\x89PNG\r\n\x1a\n"
#define IHDR(width, height, rest) SIGNATURE "\0\0\0\x0dIHDR" width height rest "\0\0\0\0"

Test(probe, what_is_no_picture_is_of_no_format) {
    REFUSED("", GRABCUT_EFORMAT, "not a JPEG, PNG, WebP or BMP");
    REFUSED("GIF89a\1\0\1\0\0\0\0;", GRABCUT_EFORMAT, "not a JPEG");
    REFUSED("\xff\xd8", GRABCUT_EFORMAT, "not a JPEG");
    REFUSED("RIFF\x10\0\0\0WAVEfmt ", GRABCUT_EFORMAT, "not a JPEG");
    REFUSED("{\"image\": \"\"}", GRABCUT_EFORMAT, "not a JPEG");
}

Test(probe, damaged_jpeg_headers_are_refused) {
    REFUSED(SOI "\xff\xe0", GRABCUT_EDECODE, "truncated");
    REFUSED(SOI "\xff\xe0\0", GRABCUT_EDECODE, "truncated");
    REFUSED(SOI "\xff\xe0\0\0", GRABCUT_EDECODE, "truncated");
    REFUSED(SOI "\xff\xe0\0\1x", GRABCUT_EDECODE, "truncated");
    REFUSED(SOI "\xff\xc3\0\x0b\x08\0\1\0\1\1\1\x11\0" SOS, GRABCUT_EUNSUPPORTED, "lossless");
    REFUSED(SOI "\xff\xc5\0\x0b\x08\0\1\0\1\1\1\x11\0" SOS, GRABCUT_EUNSUPPORTED, "hierarchical");
    REFUSED(SOI "\xff\xc1\0\x0b\x0c\0\1\0\1\1\1\x11\0" SOS, GRABCUT_EUNSUPPORTED, "12 bits");
    REFUSED(SOI "\xff\xe0\xff\xff"
                "abc",
            GRABCUT_EDECODE, "truncated");
    REFUSED(SOI SOF("\0\1", "\0\1"), GRABCUT_EDECODE, "truncated");
    REFUSED(SOI SOF("\0\1", "\0\1") "\xff\xd9", GRABCUT_EDECODE, "truncated");
    REFUSED(SOI SOF("\0\0", "\0\1") SOS, GRABCUT_EDECODE, "no size");
    REFUSED(SOI SOF("\0\1", "\0\0") SOS, GRABCUT_EDECODE, "no size");
    REFUSED(SOI SOF("\0\1", "\0\1") SOF("\0\1", "\0\1") SOS, GRABCUT_EDECODE, "two frame headers");
    REFUSED(SOI "\xff\xc0\0\5\x08\0\1" SOS, GRABCUT_EDECODE, "too short");
    REFUSED(SOI SOS, GRABCUT_EDECODE, "no frame header");
    REFUSED(SOI "\xff\xff\xff\xff\xff\xff", GRABCUT_EDECODE, "truncated");
}

Test(probe, jpeg_fill_bytes_and_bare_markers_are_passed_over) {
    static const char file[] = SOI "\xff\xff\xff\x01\xff\xd0\xff" SOF("\x01\x02", "\x03\x04") SOS;
    grabcut_probe probe = GRABCUT_PROBE_INIT;
    cr_assert_eq(grabcut_probe_header(&probe, file, sizeof(file) - 1, NULL), GRABCUT_OK);
    cr_assert(probe.format == GRABCUT_FORMAT_JPEG && probe.width == 0x304 &&
              probe.height == 0x102 && probe.orientation == 1);
}

Test(probe, damaged_png_headers_are_refused) {
    REFUSED(SIGNATURE, GRABCUT_EDECODE, "truncated");
    REFUSED(SIGNATURE "\0\0\0\x0dIDAT1234567890123crc_", GRABCUT_EDECODE, "header chunk");
    REFUSED(SIGNATURE "\0\0\0\x0cIHDR1234567890123crc_", GRABCUT_EDECODE, "header chunk");
    REFUSED(IHDR("\0\0\0\0", "\0\0\0\1", "\x08\2\0\0\0"), GRABCUT_EDECODE, "no valid size");
    REFUSED(IHDR("\0\0\0\1", "\x80\0\0\0", "\x08\2\0\0\0"), GRABCUT_EDECODE, "no valid size");
    REFUSED(IHDR("\0\0\0\1", "\0\0\0\1", "\x07\2\0\0\0"), GRABCUT_EDECODE, "unknown bit depth");
    REFUSED(IHDR("\0\0\0\1", "\0\0\0\1", "\x10\3\0\0\0"), GRABCUT_EDECODE, "unknown bit depth");
    REFUSED(IHDR("\0\0\0\1", "\0\0\0\1", "\x08\5\0\0\0"), GRABCUT_EDECODE, "unknown bit depth");
    REFUSED(IHDR("\0\0\0\1", "\0\0\0\1", "\x08\2\1\0\0"), GRABCUT_EDECODE, "unknown bit depth");
    REFUSED(IHDR("\0\0\0\1", "\0\0\0\1", "\x08\2\0\1\0"), GRABCUT_EDECODE, "unknown bit depth");
    REFUSED(IHDR("\0\0\0\1", "\0\0\0\1", "\x08\2\0\0\2"), GRABCUT_EDECODE, "unknown bit depth");
}

Test(probe, a_png_exif_chunk_with_a_wrong_checksum_is_passed_over) {
    size_t len;
    grabcut_probe probe = GRABCUT_PROBE_INIT;
    uint8_t *bytes = read_source_file("tests/grabcut/pictures/good/exif-before.png", &len);
    cr_assert_eq(grabcut_probe_header(&probe, bytes, len, NULL), GRABCUT_OK);
    cr_assert_eq(probe.orientation, 8);
    /* The chunk is the second: its length, type, 38 bytes, checksum. */
    cr_assert_eq(memcmp(bytes + 37, "eXIf", 4), 0);
    bytes[41 + 38] ^= 1;
    cr_assert_eq(grabcut_probe_header(&probe, bytes, len, NULL), GRABCUT_OK);
    cr_assert_eq(probe.orientation, 1);
    free(bytes);
}

Test(probe, damaged_webp_headers_are_refused) {
#define RIFF "RIFF\x16\0\0\0WEBP"
    REFUSED(RIFF, GRABCUT_EDECODE, "truncated");
    REFUSED("RIFF\4\0\0\0WEBPVP8 \0\0\0\0", GRABCUT_EDECODE, "length is damaged");
    REFUSED(RIFF "ICCP\4\0\0\0abcd", GRABCUT_EDECODE, "unknown chunk");
    REFUSED(RIFF "VP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a\1\0", GRABCUT_EDECODE, "truncated");
    REFUSED(RIFF "VP8 \x0a\0\0\0\1\0\0\x9d\x01\x2a\1\0\1\0", GRABCUT_EDECODE, "not a key frame");
    REFUSED(RIFF "VP8 \x0a\0\0\0\0\0\0\x9d\x01\x2b\1\0\1\0", GRABCUT_EDECODE, "not a key frame");
    REFUSED(RIFF "VP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a\0\0\1\0", GRABCUT_EDECODE, "no size");
    REFUSED(RIFF "VP8L\x0a\0\0\0\x2f\0\0", GRABCUT_EDECODE, "truncated");
    REFUSED(RIFF "VP8L\x0a\0\0\0\x2e\0\0\0\0\0", GRABCUT_EDECODE, "lossless header");
    REFUSED(RIFF "VP8X\x0a\0\0\0\0\0\0\0\0", GRABCUT_EDECODE, "truncated");
    REFUSED(RIFF "VP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff", GRABCUT_EDECODE, "canvas");
}

Test(probe, damaged_bmp_headers_are_refused) {
#define FILE_HEADER "BM\0\0\0\0\0\0\0\0\x36\0\0\0"
#define INFO(width, height, bits, packing, colours)                                                \
    FILE_HEADER "\x28\0\0\0" width height "\1\0" bits packing "\0\0\0\0\0\0\0\0\0\0\0\0" colours   \
                "\0\0\0\0"
#define ONE "\1\0\0\0"
#define NIL "\0\0\0\0"
    REFUSED("BM", GRABCUT_EDECODE, "truncated");
    REFUSED(FILE_HEADER "\x0b\0\0\0\1\0\1\0\1\0\x18\0", GRABCUT_EDECODE, "unknown size");
    REFUSED(FILE_HEADER "\x28\0\0\0\1\0\0\0\1\0\0\0", GRABCUT_EDECODE, "truncated");
    REFUSED(FILE_HEADER "\xff\xff\xff\xff\1\0\0\0\1\0\0\0", GRABCUT_EDECODE, "truncated");
    REFUSED(INFO(NIL, ONE, "\x18\0", NIL, NIL), GRABCUT_EDECODE, "no valid size");
    REFUSED(INFO(ONE, NIL, "\x18\0", NIL, NIL), GRABCUT_EDECODE, "no valid size");
    REFUSED(INFO("\xff\xff\xff\xff", ONE, "\x18\0", NIL, NIL), GRABCUT_EDECODE, "no valid size");
    REFUSED(INFO(ONE, "\0\0\0\x80", "\x18\0", NIL, NIL), GRABCUT_EDECODE, "damaged");
    REFUSED(INFO(ONE, ONE, "\x18\0", "\4\0\0\0", NIL), GRABCUT_EDECODE, "damaged");
    REFUSED(INFO(ONE, ONE, "\2\0", NIL, NIL), GRABCUT_EDECODE, "2 bits a pixel");
    REFUSED(INFO(ONE, ONE, "\x18\0", "\1\0\0\0", NIL), GRABCUT_EDECODE, "24 bits a pixel");
    REFUSED(INFO(ONE, ONE, "\x08\0", NIL, "\1\1\0\0"), GRABCUT_EDECODE, "256 colours");
    REFUSED(INFO(ONE, ONE, "\x08\0", NIL, "\4\0\0\0") "12345678", GRABCUT_EDECODE, "truncated");
    REFUSED(INFO(ONE, ONE, "\x20\0", "\3\0\0\0", NIL) "12345678", GRABCUT_EDECODE, "truncated");
}

/* A TIFF structure in an APP1 segment of a JPEG. */
static int32_t orientation_in(const char *tiff, size_t len) {
    uint8_t file[256];
    grabcut_probe probe = GRABCUT_PROBE_INIT;
    size_t n = 0;
    memcpy(file, "\xff\xd8\xff\xe1\0\0Exif\0\0", 12);
    file[5] = (uint8_t)(2 + 6 + len);
    n += 12;
    memcpy(file + n, tiff, len);
    n += len;
    memcpy(file + n, SOF("\0\1", "\0\1") SOS, 13 + 10);
    n += 13 + 10;
    cr_assert_eq(grabcut_probe_header(&probe, file, n, NULL), GRABCUT_OK);
    return probe.orientation;
}
#define ORIENTATION(literal) orientation_in(literal, sizeof(literal) - 1)

Test(probe, exif_orientation_is_read_strictly) {
    cr_expect_eq(ORIENTATION("II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0"), 6);
    cr_expect_eq(ORIENTATION("MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\x08\0\0"), 8);
    cr_expect_eq(ORIENTATION("II*\0\x08\0\0\0\1\0\x12\1\4\0\1\0\0\0\3\0\0\0"), 3, "a LONG");
    cr_expect_eq(ORIENTATION("II*\0\x08\0\0\0\1\0\x12\1\2\0\1\0\0\0\6\0\0\0"), 1, "an ASCII");
    cr_expect_eq(ORIENTATION("II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\0\0\0\0"), 1, "0");
    cr_expect_eq(ORIENTATION("II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x09\0\0\0"), 1, "9");
    cr_expect_eq(ORIENTATION("II*\0\x08\0\0\0\xff\xff\x12\1\3\0\1\0\0\0\2\0\0\0"), 2, "count lies");
    cr_expect_eq(ORIENTATION("II*\0\x08\0\0\0\xff\xff\x13\1\3\0\1\0\0\0\2\0\0\0"), 1, "truncated");
    cr_expect_eq(ORIENTATION("II*\0\xff\xff\xff\xff\1\0"), 1, "directory outside");
    cr_expect_eq(ORIENTATION("II*\0\x08\0\0\0"), 1, "directory at the end");
    cr_expect_eq(ORIENTATION("IM*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0"), 1, "byte order");
    cr_expect_eq(ORIENTATION("II+\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0"), 1, "magic");
    cr_expect_eq(ORIENTATION(""), 1);
}

Test(probe, arguments_are_checked) {
    grabcut_probe probe = GRABCUT_PROBE_INIT;
    cr_assert_eq(grabcut_probe_header(NULL, "BM", 2, NULL), GRABCUT_EINVAL);
    cr_assert_eq(grabcut_probe_header(&probe, NULL, 2, NULL), GRABCUT_EINVAL);
    probe.version = GRABCUT_PROBE_VERSION + 1;
    cr_assert_eq(grabcut_probe_header(&probe, "BM", 2, NULL), GRABCUT_EINVAL);
}
