// Stand-in for libnvrtc.so.13: "compiles" a program into an image that says what it came from and for what.
//
// A source that contains `#error` does not compile, and its line is the log. BACKLIT_EMU_NVRTC=12.9 lets it report that
// version. Tests can ask how much was compiled, and for images that begin like the ELF files that real cubins are.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

struct Program {
  std::string name, text, log, image;
};
enum { SUCCESS = 0, INVALID_INPUT = 3, INVALID_PROGRAM = 4, INVALID_OPTION = 5, COMPILATION = 6 };

static std::atomic<unsigned long long> compiled{0};
static thread_local bool as_elf = false;

static int copy_out(const std::string& from, char* to) {
  memcpy(to, from.data(), from.size());
  return SUCCESS;
}

extern "C" {
// Programs compiled in this process so far.
unsigned long long emu_nvrtc_compiled() { return compiled; }
// Whether images that this thread compiles begin like an ELF file.
void emu_nvrtc_as_elf(int on) { as_elf = on; }

int nvrtcVersion(int* major, int* minor) {
  *major = 13;
  *minor = 0;
  if (const char* text = getenv("BACKLIT_EMU_NVRTC")) sscanf(text, "%d.%d", major, minor);
  return SUCCESS;
}
const char* nvrtcGetErrorString(int code) {
  switch (code) {
    case SUCCESS: return "NVRTC_SUCCESS";
    case INVALID_INPUT: return "NVRTC_ERROR_INVALID_INPUT";
    case INVALID_PROGRAM: return "NVRTC_ERROR_INVALID_PROGRAM";
    case INVALID_OPTION: return "NVRTC_ERROR_INVALID_OPTION";
    case COMPILATION: return "NVRTC_ERROR_COMPILATION";
    default: return "NVRTC_ERROR";
  }
}
int nvrtcCreateProgram(Program** program, const char* text, const char* name, int headers, const char* const* texts,
                       const char* const* names) {
  if (!text || headers < 0 || (headers && (!texts || !names))) return INVALID_INPUT;
  *program = new Program{name ? name : "default_program", text, "", ""};
  return SUCCESS;
}
int nvrtcDestroyProgram(Program** program) {
  if (!program || !*program) return INVALID_PROGRAM;
  delete *program;
  *program = nullptr;
  return SUCCESS;
}
int nvrtcCompileProgram(Program* program, int count, const char* const* options) {
  if (!program) return INVALID_PROGRAM;
  std::string arch;
  for (int i = 0; i < count; i++) {
    const char* flag = "--gpu-architecture=";
    if (!strncmp(options[i], flag, strlen(flag))) arch = options[i] + strlen(flag);
  }
  if (arch.compare(0, 3, "sm_")) return INVALID_OPTION;
  compiled++;
  size_t at = program->text.find("#error");
  if (at != std::string::npos) {
    std::string line = program->text.substr(at, program->text.find('\n', at) - at);
    program->log = program->name + ": error: " + line;
    return COMPILATION;
  }
  program->image = std::string(as_elf ? "\x7f" "ELF" : "") + "STAND-IN " + arch + " " + program->name + '\0';
  return SUCCESS;
}
int nvrtcGetCUBINSize(Program* program, size_t* size) { return *size = program->image.size(), SUCCESS; }
int nvrtcGetCUBIN(Program* program, char* to) { return copy_out(program->image, to); }
int nvrtcGetProgramLogSize(Program* program, size_t* size) { return *size = program->log.size() + 1, SUCCESS; }
int nvrtcGetProgramLog(Program* program, char* to) { return copy_out(program->log + '\0', to); }
}
