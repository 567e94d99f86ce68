/* hex.h: bytes as hexadecimal digits. Pure. */
#ifndef REELYARD_RUNTIME_BASE_HEX_H
#define REELYARD_RUNTIME_BASE_HEX_H

#include <stddef.h>
#include <stdint.h>

/* The value of a digit in either case; -1: it is none. */
int ry_hex_digit(char c);

/* Writes n bytes as 2 * n lower-case digits and a NUL. */
void ry_hex_print(const uint8_t *bytes, size_t n, char *text);

#endif
