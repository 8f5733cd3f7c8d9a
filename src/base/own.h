/* base/own.h — the only three ownership macros.
 *
 * WR_DEFINE_AUTO(type, release) once per type; WR_AUTO(type) name = NULL; declares a guarded
 * pointer that is released when the scope ends; WR_TAKE(name) is the only way out of a guard.
 * Rules: no goto in a function that has a guard; declare the guard directly before the call that
 * fills it. Cost: none at run time beyond the release itself. */
#ifndef WR_BASE_OWN_H
#define WR_BASE_OWN_H

#include <stddef.h>

#define WR_DEFINE_AUTO(type, release)                                                              \
    static inline void type##_auto(type **p)                                                       \
    {                                                                                              \
        if (*p)                                                                                    \
            release(*p);                                                                           \
    }
#define WR_AUTO(type) __attribute__((cleanup(type##_auto))) type *
#define WR_TAKE(p)                                                                                 \
    __extension__({                                                                                \
        __typeof__(p) taken_ = (p);                                                                \
        (p) = NULL;                                                                                \
        taken_;                                                                                    \
    })

#endif
