// The function that does nothing, in C.
#include "nebula.h"

static int nothing(const char *request, size_t length, struct nebula_answer *answer) {
	(void)request, (void)length, (void)answer;
	return 0;
}

int main(void) { return nebula_serve(nothing); }
