// The function protocol for C: one header and no library but libc.
//
//     #include "nebula.h"
//
//     static int answer(const char *request, size_t length, struct nebula_answer *out) {
//         nebula_append(out, request, length);
//         return 0;
//     }
//
//     int main(void) { return nebula_serve(answer); }
//
// nebula_serve writes the ready marker, reads the request, calls the handler,
// writes the done marker and then the answer. With NEBULA_FRAMES=1 it answers
// many requests. functions/README.md describes the protocol.
//
// The code keeps away from stdio and, in WebAssembly, from malloc: how long a
// module takes to start depends on its size, and those two would be most of it.
#ifndef NEBULA_H
#define NEBULA_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __wasm__
#include <wasi/api.h>
#else
#include <time.h>
#endif

// nebula_answer collects the bytes of an answer. Use nebula_append.
struct nebula_answer {
	char *bytes;
	size_t length, capacity;
};

// NEBULA_HEAD is the room kept free before each answer for its length, so
// that both leave in one write.
#define NEBULA_HEAD 24

// nebula_write_all reports whether everything could be written.
static inline int nebula_write_all(int fd, const char *p, size_t n) {
	while (n > 0) {
		ssize_t k = write(fd, p, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return 0;
		p += k;
		n -= (size_t)k;
	}
	return 1;
}

// nebula_refuse writes why a request gets no answer. It returns 1, the exit
// code of a refusal, so that a handler can `return nebula_refuse("…")`.
static inline int nebula_refuse(const char *message) {
	nebula_write_all(2, message, strlen(message));
	nebula_write_all(2, "\n", 1);
	return 1;
}

static inline void nebula_die(const char *message) { exit(nebula_refuse(message)); }

// nebula_grow makes room for more bytes. What the buffer had before is not
// given back: doubling keeps the loss below the size of the buffer.
static inline void nebula_grow(struct nebula_answer *a, size_t more) {
	if (more <= a->capacity - a->length)
		return;
	if (more > SIZE_MAX / 4 || a->capacity > SIZE_MAX / 4)
		nebula_die("out of memory");
	size_t capacity = 2 * a->capacity + more;
	char *bytes;
#ifdef __wasm__
	size_t page = __builtin_wasm_memory_grow(0, (capacity + 65535) / 65536);
	bytes = page == SIZE_MAX ? NULL : (char *)(page * 65536);
#else
	bytes = (char *)malloc(capacity);
#endif
	if (bytes == NULL)
		nebula_die("out of memory");
	memcpy(bytes, a->bytes, a->length);
	a->bytes = bytes;
	a->capacity = capacity;
}

// nebula_append adds bytes to the answer.
static inline void nebula_append(struct nebula_answer *a, const void *bytes, size_t n) {
	nebula_grow(a, n);
	memcpy(a->bytes + a->length, bytes, n);
	a->length += n;
}

// nebula_digits writes n in decimal so that it ends at end, and returns where
// it begins.
static inline char *nebula_digits(char *end, uint64_t n) {
	do
		*--end = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	return end;
}

// nebula_append_number adds a number in decimal to the answer.
static inline void nebula_append_number(struct nebula_answer *a, uint64_t n) {
	char b[20], *p = nebula_digits(b + sizeof b, n);
	nebula_append(a, p, (size_t)(b + sizeof b - p));
}

// nebula_append_fixed adds a number with some decimals, at most 9. It is exact
// to the last digit for numbers below a million.
static inline void nebula_append_fixed(struct nebula_answer *a, double v, int decimals) {
	uint64_t unit = 1;
	for (int i = 0; i < decimals; i++)
		unit *= 10;
	if (v < 0)
		nebula_append(a, "-", 1);
	uint64_t n = (uint64_t)((v < 0 ? -v : v) * (double)unit + 0.5);
	nebula_append_number(a, n / unit);
	char b[21], *p = nebula_digits(b + sizeof b, unit + n % unit);
	*p = '.'; // in place of the leading 1, which kept the zeros
	nebula_append(a, p, (size_t)(b + sizeof b - p));
}

// nebula_is_space reports whether a byte is white space.
static inline int nebula_is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// nebula_number sets n to the decimal number that a request is, with white
// space around it or not, and returns 0. A request that is no number from
// least to most it refuses.
static inline int nebula_number(const char *request, size_t length, uint64_t least, uint64_t most, uint64_t *n) {
	const char *p = request, *end = request + length;
	while (p < end && nebula_is_space(*p))
		p++;
	while (end > p && nebula_is_space(end[-1]))
		end--;
	int ok = p < end;
	*n = 0;
	for (; ok && p < end; p++) {
		uint64_t d = (uint64_t)(unsigned char)*p - '0';
		ok = d <= 9 && *n <= most / 10 && *n * 10 <= most - d;
		*n = *n * 10 + d;
	}
	if (ok && *n >= least)
		return 0;
	char line[96] = "the request must be a decimal number from ", b[20];
	char *at = line + strlen(line), *digits = nebula_digits(b + sizeof b, least);
	memcpy(at, digits, (size_t)(b + sizeof b - digits));
	at += b + sizeof b - digits;
	memcpy(at, " to ", 4);
	digits = nebula_digits(b + sizeof b, most);
	memcpy(at + 4, digits, (size_t)(b + sizeof b - digits));
	at[4 + (b + sizeof b - digits)] = 0;
	return nebula_refuse(line);
}

// nebula_mark writes a marker line in one write. Outside WebAssembly it holds
// the moment, taken just before; a WebAssembly host hears of the write at once.
static inline void nebula_mark(const char *marker, size_t n) {
	char line[48];
	memcpy(line, marker, n);
#ifndef __wasm__
	struct timespec t;
	if (clock_gettime(CLOCK_MONOTONIC, &t) == 0) {
		char b[20], *p = nebula_digits(b + sizeof b, (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec);
		line[n++] = ' ';
		memcpy(line + n, p, (size_t)(b + sizeof b - p));
		n += (size_t)(b + sizeof b - p);
	}
#endif
	line[n++] = '\n';
	nebula_write_all(2, line, n);
}

// nebula_ready says that the function's own code runs.
static inline void nebula_ready(void) { nebula_mark("nebula:ready", 12); }

// nebula_done says that the answer has been computed. It comes before the
// answer itself.
static inline void nebula_done(void) { nebula_mark("nebula:done", 11); }

// nebula_read reads up to n bytes and returns how many came; 0 at the end.
static inline size_t nebula_read(char *p, size_t n) {
	for (;;) {
		ssize_t k = read(0, p, n);
		if (k >= 0)
			return (size_t)k;
		if (errno != EINTR)
			nebula_die("cannot read the request");
	}
}

// nebula_frames reports whether many requests will come. In WebAssembly
// getenv would bring in malloc, so the host is asked directly.
static inline int nebula_frames(struct nebula_answer *scratch) {
#ifdef __wasm__
	__wasi_size_t count, size;
	if (__wasi_environ_sizes_get(&count, &size) != 0 || count == 0)
		return 0;
	size_t pointers = count * sizeof(uint8_t *);
	nebula_grow(scratch, pointers + size);
	uint8_t **env = (uint8_t **)(void *)scratch->bytes;
	if (__wasi_environ_get(env, (uint8_t *)scratch->bytes + pointers) != 0)
		return 0;
	for (__wasi_size_t i = 0; i < count; i++)
		if (strcmp((const char *)env[i], "NEBULA_FRAMES=1") == 0)
			return 1;
	return 0;
#else
	(void)scratch;
	const char *v = getenv("NEBULA_FRAMES");
	return v != NULL && strcmp(v, "1") == 0;
#endif
}

// nebula_frame_length reads the line before a request. It returns 0 at the
// end of the requests.
static inline int nebula_frame_length(size_t *length) {
	char c;
	size_t digits = 0;
	*length = 0;
	while (nebula_read(&c, 1) == 1) {
		if (c == '\n' && digits > 0)
			return 1;
		if (c < '0' || c > '9' || ++digits > 9)
			nebula_die("a request must begin with its length in decimal and a newline");
		*length = *length * 10 + (size_t)(c - '0');
	}
	if (digits > 0)
		nebula_die("the requests end inside a length");
	return 0;
}

// nebula_serve answers the request, or with NEBULA_FRAMES=1 one request after
// the other, and returns the exit code for main. The handler gets the request
// with a 0 byte behind it, and returns 0, or an exit code if there is no
// answer.
static inline int nebula_serve(int (*handle)(const char *request, size_t length, struct nebula_answer *answer)) {
	nebula_ready();
	// Small requests and answers need no memory from elsewhere.
	static _Alignas(void *) char first[2][4096];
	struct nebula_answer request = {first[0], 0, sizeof first[0]};
	struct nebula_answer answer = {first[1], 0, sizeof first[1]};
	int frames = nebula_frames(&request), code;
	size_t n;
	do {
		request.length = 0;
		if (frames) {
			if (!nebula_frame_length(&n))
				return 0;
			nebula_grow(&request, n + 1);
			while (request.length < n) {
				size_t k = nebula_read(request.bytes + request.length, n - request.length);
				if (k == 0)
					nebula_die("the requests end inside a request");
				request.length += k;
			}
			nebula_ready();
		} else {
			do {
				nebula_grow(&request, 2); // a byte to read, and the 0 behind the last
				n = nebula_read(request.bytes + request.length, request.capacity - request.length - 1);
				request.length += n;
			} while (n > 0);
		}
		request.bytes[request.length] = 0;
		answer.length = NEBULA_HEAD;
		if ((code = handle(request.bytes, request.length, &answer)) != 0)
			return code;
		nebula_done();
		char *from = answer.bytes + NEBULA_HEAD;
		if (frames) {
			*--from = '\n';
			from = nebula_digits(from, answer.length - NEBULA_HEAD);
		}
		if (!nebula_write_all(1, from, (size_t)(answer.bytes + answer.length - from)))
			return nebula_refuse("cannot write the answer");
	} while (frames);
	return 0;
}

#endif
