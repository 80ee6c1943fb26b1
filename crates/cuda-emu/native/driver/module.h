// Kernels that were compiled into the library, and the modules that they are found in.
#pragma once
#include "state.h"

namespace driver {

// A kernel of the library: its entry in both builds, and the sizes of its arguments.
struct Entry {
  std::string name;
  void (*fast)(void**) = nullptr;
  void (*checked)(void**) = nullptr;
  std::vector<u32> sizes;
};
const Entry* find_entry(const std::string& name);

// A kernel of a loaded module.
struct Function {
  const Entry* entry;
  int shared_allowed = 48 << 10;
};

struct Module : Object {
  static const Kind KIND = MODULE;
  std::string image;
  std::map<std::string, std::unique_ptr<Function>> functions;
};
// Whether a handle is a function of a module that is still loaded.
Function* function_of(void* handle);
int attribute_of(const Device* device, int which);

}  // namespace driver
