// Stand-in for libnvrtc.so.13: "compiles" a program into an image that only says what it came from.
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>
struct Program { std::string name, log, image; };
extern "C" {
int nvrtcVersion(int* major, int* minor) { *major = 13; *minor = 0; return 0; }
const char* nvrtcGetErrorString(int e) { return e ? "NVRTC_ERROR" : "NVRTC_SUCCESS"; }
int nvrtcCreateProgram(Program** p, const char*, const char* name, int, const char* const*, const char* const*) { *p = new Program{name ? name : "", "", ""}; return 0; }
int nvrtcDestroyProgram(Program** p) { delete *p; *p = nullptr; return 0; }
int nvrtcCompileProgram(Program* p, int, const char* const*) { p->image = "BACKLIT-STAND-IN " + p->name; return 0; }
int nvrtcGetCUBINSize(Program* p, size_t* n) { *n = p->image.size() + 1; return 0; }
int nvrtcGetCUBIN(Program* p, char* c) { memcpy(c, p->image.c_str(), p->image.size() + 1); return 0; }
int nvrtcGetProgramLogSize(Program* p, size_t* n) { *n = p->log.size() + 1; return 0; }
int nvrtcGetProgramLog(Program* p, char* c) { memcpy(c, p->log.c_str(), p->log.size() + 1); return 0; }
}
