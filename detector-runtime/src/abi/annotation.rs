//! Annotations of `sanitizer/tsan_interface.h` and of the older `Annotate…` interface.
