/* sniff.c: tables of first bytes; see sniff.h.
 *
 * Pure. Never reads past the bytes given. */
#include "runtime/video/sniff.h"

#include <string.h>
#include <strings.h>

/* Bytes that tell a text from something else. */
#define TEXT_BYTES ((size_t)512)

/* Fewer zeros than that may be anything. */
#define ZEROS_MIN_BYTES ((size_t)256)

struct signature {
    size_t offset, n;
    const char *bytes;
    const char *name;
};

#define AT(offset, bytes, name) \
    { \
        (offset), sizeof bytes - 1, bytes, name \
    }

static const struct signature signatures[] = {
    AT(0, "%PDF-", "a PDF document"),
    AT(0, "PK\x03\x04", "a ZIP archive"),
    AT(0, "PK\x05\x06", "a ZIP archive"),
    AT(0, "Rar!\x1A\x07", "a RAR archive"),
    AT(0, "7z\xBC\xAF\x27\x1C", "a 7-Zip archive"),
    AT(0, "\x1F\x8B\x08", "a gzip archive"),
    AT(0, "BZh", "a bzip2 archive"),
    AT(0,
       "\xFD"
       "7zXZ\0",
       "an XZ archive"),
    AT(0, "\x28\xB5\x2F\xFD", "a Zstandard archive"),
    AT(257, "ustar", "a tar archive"),
    AT(0, "MZ", "a Windows program"),
    AT(0,
       "\x7F"
       "ELF",
       "a Linux program"),
    AT(0, "d8:announce", "a torrent file"),
    AT(0, "d13:announce-list", "a torrent file"),
    AT(0, "SQLite format 3\0", "a database"),
    AT(0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "an Office document"),
    AT(0, "{\\rtf", "an RTF document"),
    AT(0, "8BPS", "a Photoshop image"),
    AT(0, "BM", "a BMP image"),
    AT(0, "II*\0", "a TIFF image"),
    AT(0, "MM\0*", "a TIFF image"),
    AT(0, "\0\0\x01\0\x01\0", "an icon"),
    AT(0, "\xFF\x0A", "a JPEG XL image"),
    AT(0, "\0\0\0\x0CJXL \r\n\x87\n", "a JPEG XL image"),
    AT(0, "fLaC", "a FLAC audio file"),
    AT(0, "ID3", "an MP3 audio file"),
    AT(8, "WAVEfmt", "a WAV audio file"),
    AT(8, "AIFF", "an AIFF audio file"),
    AT(0, "#!AMR", "an AMR audio file"),
    AT(0, "MThd", "a MIDI file"),
};

static bool matches(const struct signature *signature, const uint8_t *p, size_t n)
{
    return n >= signature->offset + signature->n && memcmp(p + signature->offset, signature->bytes, signature->n) == 0;
}

/* BMP and programs have short signatures, which other bytes may have by chance: the fields behind must fit. */
static bool is_plausible(const struct signature *signature, const uint8_t *p, size_t n)
{
    if (signature->n > 2)
        return true;
    if (p[0] == 'B')
        return n >= 18 && memcmp(p + 6, "\0\0\0\0", 4) == 0 && p[15] == 0;
    if (p[0] == 'M')
        return n >= 64 && p[63] == 0;
    return n >= 3;
}

static bool begins_with(const uint8_t *p, size_t n, const char *word)
{
    size_t length = strlen(word);
    return n >= length && strncasecmp((const char *)p, word, length) == 0;
}

/* Whether the bytes are text: UTF-8 or a code page of eight bits, but no control characters. */
static bool is_text(const uint8_t *p, size_t n)
{
    size_t plain = 0;
    for (size_t i = 0; i < n; i++) {
        if ((p[i] < ' ' && p[i] != '\t' && p[i] != '\n' && p[i] != '\r' && p[i] != '\f') || p[i] == 0x7F)
            return false;
        plain += p[i] < 0x80;
    }
    return plain > n / 2;
}

static const char *sniff_text(const uint8_t *p, size_t n)
{
    static const struct {
        const char *word, *name;
    } words[] = {
        {"<!doctype html", "an HTML page"}, {"<html", "an HTML page"},          {"<head", "an HTML page"},
        {"<svg", "an SVG image"},           {"<?xml", "an XML document"},       {"{", "a JSON document"},
        {"#EXTM3U", "a playlist"},          {"[playlist]", "a playlist"},       {"WEBVTT", "a subtitle file"},
        {"%!PS", "a PostScript document"},  {"ffconcat version", "a playlist"},
    };
    if (n >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) {
        p += 3;
        n -= 3;
    }
    while (n > 0 && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')) {
        p++;
        n--;
    }
    n = n < TEXT_BYTES ? n : TEXT_BYTES;
    if (n == 0 || !is_text(p, n))
        return NULL;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (begins_with(p, n, words[i].word))
            return words[i].name;
    return "a text file";
}

/* RIFF, size, WEBP, VP8X, size, flags. */
static bool is_animated_webp(const uint8_t *p, size_t n)
{
    return n > 20 && memcmp(p + 8, "WEBPVP8X", 8) == 0 && (p[20] & 2);
}

const char *sniff_other(const uint8_t *p, size_t n)
{
    if (is_animated_webp(p, n))
        return "an animated WebP image";
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++)
        if (matches(&signatures[i], p, n) && is_plausible(&signatures[i], p, n))
            return signatures[i].name;
    return sniff_text(p, n);
}

const char *sniff_image_brand(const uint8_t *p, size_t n)
{
    static const struct {
        char brand[5];
        const char *name;
    } brands[] = {
        {"avif", "an AVIF image"}, {"avis", "an AVIF image"}, {"heic", "a HEIC image"},    {"heix", "a HEIC image"},
        {"heim", "a HEIC image"},  {"heis", "a HEIC image"},  {"hevc", "a HEIC image"},    {"mif1", "a HEIF image"},
        {"msf1", "a HEIF image"},  {"crx ", "a raw photo"},   {"jxl ", "a JPEG XL image"},
    };
    if (n < 16 || memcmp(p + 4, "ftyp", 4) != 0)
        return NULL;
    size_t size = (size_t)p[2] << 8 | p[3];
    n = p[0] == 0 && p[1] == 0 && size < n ? size : n;
    for (size_t i = 0; i < sizeof brands / sizeof brands[0]; i++)
        for (size_t at = 8; at + 4 <= n && at < 64; at += at == 8 ? 8 : 4)
            if (memcmp(p + at, brands[i].brand, 4) == 0)
                return brands[i].name;
    return NULL;
}

bool sniff_is_zeros(const uint8_t *p, size_t n)
{
    n = n < TEXT_BYTES ? n : TEXT_BYTES;
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return n >= ZEROS_MIN_BYTES;
}
