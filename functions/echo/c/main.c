// Answers with its request, in C.
#include "nebula.h"

static int echo(const char *request, size_t length, struct nebula_answer *answer) {
	nebula_append(answer, request, length);
	return 0;
}

int main(void) { return nebula_serve(echo); }
