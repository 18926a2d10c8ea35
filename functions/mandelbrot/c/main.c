// The Mandelbrot set, in C.
#include "nebula.h"

#pragma STDC FP_CONTRACT OFF

#define MOST 4000

// inside reports whether a point stays near after 50 steps. No product and
// sum may be joined into one operation with another rounding, hence the
// pragma: whether a point of the edge is inside would hang on it.
static int inside(double x, double y) {
	double r = 0, i = 0;
	for (int step = 0; step < 50; step++) {
		double real = r * r - i * i + x;
		i = 2 * r * i + y;
		r = real;
		if (r * r + i * i > 4)
			return 0;
	}
	return 1;
}

// crc32 goes on with a checksum, as in zlib and PNG.
static uint32_t crc32(uint32_t sum, const unsigned char *p, size_t n) {
	static uint32_t table[256];
	if (table[1] == 0)
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t c = i;
			for (int bit = 0; bit < 8; bit++)
				c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
			table[i] = c;
		}
	for (sum = ~sum; n > 0; n--)
		sum = table[(sum ^ *p++) & 255] ^ sum >> 8;
	return ~sum;
}

// Answers with the number of black points, and the checksum of the bitmap:
// row by row, eight points in a byte.
static int answer(const char *request, size_t length, struct nebula_answer *out) {
	static unsigned char row[MOST / 8];
	uint64_t n, black = 0;
	if (nebula_number(request, length, 1, MOST, &n) != 0)
		return 1;
	size_t bytes = ((size_t)n + 7) / 8;
	uint32_t sum = 0;
	for (unsigned y = 0; y < n; y++) {
		memset(row, 0, bytes);
		for (unsigned x = 0; x < n; x++)
			if (inside(2.0 * x / (double)n - 1.5, 2.0 * y / (double)n - 1)) {
				row[x / 8] |= (unsigned char)(0x80 >> x % 8);
				black++;
			}
		sum = crc32(sum, row, bytes);
	}
	nebula_append_number(out, black);
	nebula_append(out, " ", 1);
	nebula_append_number(out, sum);
	return 0;
}

int main(void) { return nebula_serve(answer); }
