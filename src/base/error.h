/* base/error.h — failure as a value: one closed list of statuses, one caller-owned error object.
 *
 * Invariants
 *  1. No function here allocates: an error can be raised when memory is gone.
 *  2. A failure is raised once (WR_RAISE), then only gains context lines (wr_error_while).
 *  3. `err` may be NULL everywhere: the status alone then travels.
 *  4. Flow (more, done, blocked) is not failure and is never a wr_status.
 * Call order: a function that fails raises and returns; callers WR_TRY. Threads: an error object
 * belongs to one thread at a time. Cost: a raise formats at most WR_ERROR_MESSAGE_BYTES bytes. */
#ifndef WR_BASE_ERROR_H
#define WR_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#define WR_LIKELY(x)        __builtin_expect(!!(x), 1)
#define WR_UNLIKELY(x)      __builtin_expect(!!(x), 0)
#define WR_MUST_USE         __attribute__((warn_unused_result))
#define WR_PRINTF(fmt, arg) __attribute__((format(printf, fmt, arg)))
#define WR_ALWAYS_INLINE    static inline __attribute__((always_inline))
#define WR_UNREACHABLE()    __builtin_unreachable()

typedef enum wr_status {
    WR_OK = 0,
#define X(name, exit_code, text) WR_##name,
#include "base/status.def"
#undef X
    WR_STATUS_COUNT
} wr_status;

enum { WR_ERROR_MESSAGE_BYTES = 1536 };

typedef struct wr_error {
    wr_status   status;
    int         line;     /* where it was raised ...          */
    const char *file;     /* ... a static string, never freed */
    char        message[WR_ERROR_MESSAGE_BYTES]; /* lower case, no final stop; then context lines */
} wr_error;

/** Short text of a status ("data is corrupt"). Cost O(1). */
const char *wr_status_text(wr_status status);

/** Exit code of the command line for a status (0 for WR_OK). Cost O(1). */
int wr_status_exit_code(wr_status status);

/** Fill `err` (NULL allowed) and return `status`. Use the macro WR_RAISE. */
wr_status wr_error_raise(wr_error *err, wr_status status, const char *file, int line,
                         const char *format, ...) WR_PRINTF(5, 6);

/** As wr_error_raise with a va_list. */
wr_status wr_error_raisev(wr_error *err, wr_status status, const char *file, int line,
                          const char *format, va_list args) WR_PRINTF(5, 0);

/** Append one context line ("  while ..."); when the buffer is full, the oldest text wins. */
void wr_error_while(wr_error *err, const char *format, ...) WR_PRINTF(2, 3);

/** Append text verbatim (a source excerpt with its caret, a did-you-mean hint). */
void wr_error_append(wr_error *err, const char *format, ...) WR_PRINTF(2, 3);

/** Forget a failure: status WR_OK, empty message. */
void wr_error_clear(wr_error *err);

#define WR_RAISE(err, status, ...) wr_error_raise((err), (status), __FILE__, __LINE__, __VA_ARGS__)

#define WR_TRY(expr)                                                                               \
    do {                                                                                           \
        wr_status try_ = (expr);                                                                   \
        if (WR_UNLIKELY(try_ != WR_OK))                                                            \
            return try_;                                                                           \
    } while (0)

/* As WR_TRY, and adds one "while ..." line to the message on the way out. */
#define WR_TRY_WHILE(expr, err, ...)                                                               \
    do {                                                                                           \
        wr_status try_ = (expr);                                                                   \
        if (WR_UNLIKELY(try_ != WR_OK)) {                                                          \
            wr_error_while((err), __VA_ARGS__);                                                    \
            return try_;                                                                           \
        }                                                                                          \
    } while (0)

/** Stop the program: an invariant that input cannot break is broken. Never returns. */
_Noreturn void wr_assert_fail(const char *sentence, const char *file, int line);

/* On in every build. `sentence` says what must hold, in words. */
#define wr_assert(condition, sentence)                                                             \
    (WR_LIKELY(condition) ? (void)0 : wr_assert_fail((sentence), __FILE__, __LINE__))

#endif
