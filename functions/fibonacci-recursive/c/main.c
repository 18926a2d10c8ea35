// Fibonacci numbers by plain recursion, in C.
#include "nebula.h"

static uint64_t fibonacci(uint64_t n) {
	return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static int answer(const char *request, size_t length, struct nebula_answer *out) {
	uint64_t n;
	if (nebula_number(request, length, 0, 93, &n) != 0)
		return 1;
	nebula_append_number(out, fibonacci(n));
	return 0;
}

int main(void) { return nebula_serve(answer); }
