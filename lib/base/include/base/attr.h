/**
 * Function attributes that every layer uses.
 */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

/** The caller must look at the result; ignoring it is a compile error. */
#define FOTA_MUST_CHECK __attribute__((warn_unused_result))

/** Never returns. */
#define FOTA_NORETURN __attribute__((noreturn))

/** Stays one function in sector 0, where the compiler would write it out at each call. */
#define FOTA_NOINLINE __attribute__((noinline))

/** Written out at each call, where the compiler takes it for larger than it becomes. */
#define FOTA_INLINE __attribute__((always_inline)) static inline

/** printf-like: argument `fmt` is the format, `first` the first value. */
#define FOTA_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/** Runs from RAM on the target, so that it may run while the flash is busy; it calls only its like. */
#define FOTA_RAM_CODE __attribute__((section(".ram_code"), noinline))

#endif
