// Whether this build watches its memory or its threads, which costs memory of its own.
#pragma once

namespace escrow {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace escrow
