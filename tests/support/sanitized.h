// Whether this build watches its memory or its threads, which costs memory of its own.
#pragma once

namespace escrow {

#ifdef ESCROW_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace escrow
