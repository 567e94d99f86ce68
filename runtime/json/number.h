/* number.h: floating-point numbers as text. */
#ifndef REELYARD_RUNTIME_JSON_NUMBER_H
#define REELYARD_RUNTIME_JSON_NUMBER_H

/* Bytes that ry_json_print_f64 needs, the NUL included. */
#define RY_JSON_F64_BYTES 40

/* Writes a double with the fewest digits that read back as the same number, as Python's repr does: with an exponent
 * below 1e-4 and from 1e16 on, otherwise with a fraction (1.0). What is not finite is "NaN", "Infinity" or "-Infinity",
 * which are no JSON. Locale "C" is assumed. */
void ry_json_print_f64(double value, char text[RY_JSON_F64_BYTES]);

#endif
