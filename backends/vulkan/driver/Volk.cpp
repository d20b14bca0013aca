// The one place where volk's code is compiled. Its global function pointers stay inside this library.
#define VOLK_IMPLEMENTATION
#include <volk.h>
