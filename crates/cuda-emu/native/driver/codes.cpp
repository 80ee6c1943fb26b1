// The codes by name, and the calls that tell them.
#include "codes.h"
#include "state.h"

namespace driver {

const char* code_name(R code) {
  switch (code) {
    case OK: return "no error";
    case INVALID_VALUE: return "invalid argument";
    case OUT_OF_MEMORY: return "out of memory";
    case NOT_INITIALIZED: return "the driver is not initialised";
    case DEVICE_UNAVAILABLE: return "the device is busy or unavailable";
    case NO_DEVICE: return "no device was found";
    case INVALID_DEVICE: return "invalid device";
    case INVALID_IMAGE: return "the device image is invalid";
    case INVALID_CONTEXT: return "invalid context";
    case NO_BINARY_FOR_GPU: return "the image has no code for this device";
    case INVALID_HANDLE: return "invalid handle";
    case NOT_FOUND: return "no such kernel";
    case NOT_READY: return "not ready";
    case CONTEXT_IS_DESTROYED: return "the context was destroyed";
    case LAUNCH_FAILED: return "a launch failed";
    case NOT_SUPPORTED: return "not supported";
    case CAPTURE_UNSUPPORTED: return "not permitted while a stream is captured";
    case CAPTURE_INVALIDATED: return "the capture was spoilt by an earlier error";
    case CAPTURE_UNMATCHED: return "the stream is not the one that the capture began on";
    case CAPTURE_UNJOINED: return "a forked stream was not joined before the end of the capture";
    case CAPTURE_IMPLICIT: return "the default stream cannot be captured";
    case CAPTURED_EVENT: return "the event belongs to a capture";
    case WRONG_THREAD: return "the capture began on another thread";
    default: return "an error";
  }
}

bool is_sticky(R code) {
  switch (code) {
    case 214: case 220:                                   // memory and link errors
    case 700: case 702:                                   // illegal address, timeout
    case 709: case 710: case 714: case 715: case 716:     // destroyed, assert, stack, illegal instruction, misaligned
    case 717: case 718: case 719:                         // address space, program counter, launch failed
    case 911: case 999: return true;                      // external device, unknown
    default: return false;
  }
}

extern "C" {
R cuGetErrorString(R code, const char** text) {
  thread_local std::string said;
  const std::string& message = last_error();
  said = code_name(code);
  if (code == LAUNCH_FAILED && !message.empty()) said += ": " + message;
  *text = said.c_str();
  return OK;
}
R cuGetErrorName(R code, const char** text) {
  thread_local std::string said;
  said = "CUDA_ERROR_" + std::to_string(code);
  *text = said.c_str();
  return OK;
}
}

}  // namespace driver
