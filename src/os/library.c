/* os/library.c — see os/library.h. The only dlopen. */
#include "os/library.h"

#include <dlfcn.h>
#include <string.h>

#include "os/limit.h"
#include "os/limit_priv.h"

static wr_library_pay payer;
static void          *payer_self;

void wr_library_set_payer(wr_library_pay pay, void *self)
{
    payer = pay;
    payer_self = self;
}

static uint64_t private_bytes(void)
{
    wr_rss rss;

    wr_rss_read(&rss);
    return rss.data_bytes;
}

static wr_status resolve(const wr_library *library, void *handle, wr_error *err)
{
    for (uint32_t i = 0; i < library->symbol_count; i++) {
        void *address = dlsym(handle, library->symbols[i].name);

        if (!address)
            return WR_RAISE(err, WR_UNSUPPORTED,
                            "the library %s lacks %s: install another version of the package %s",
                            library->name, library->symbols[i].name, library->package);
        memcpy(library->symbols[i].slot, &address, sizeof address);
    }
    return WR_OK;
}

/* Text and private bytes that came with it are taken off what the kernel allows and off the arena. */
static wr_status pay_for(const wr_library *library, uint64_t text_bytes, uint64_t data_bytes,
                         wr_error *err)
{
    if (payer)
        WR_TRY(payer(payer_self, library->name, text_bytes + data_bytes, err));
    wr_limit_grow_text(text_bytes);
    return WR_OK;
}

wr_status wr_library_open(wr_library *library, wr_error *err)
{
    uint64_t  text_bytes = wr_limit_text_bytes(), data_bytes = private_bytes(), data_bytes_after;
    void     *handle;
    wr_status status;

    if (library->is_open)
        return WR_OK;
    if (wr_limit_is_sealed())
        return WR_RAISE(err, WR_UNSUPPORTED,
                        "the library %s is needed, which was not known while planning: no library "
                        "can be loaded now", library->name);
    handle = dlopen(library->name, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return WR_RAISE(err, WR_UNSUPPORTED, "the library %s cannot be loaded: install the package "
                        "%s (%s)", library->name, library->package, dlerror());
    status = resolve(library, handle, err);
    text_bytes = wr_limit_text_bytes() - text_bytes;
    data_bytes_after = private_bytes(); /* others may have given memory back meanwhile */
    data_bytes = data_bytes_after > data_bytes ? data_bytes_after - data_bytes : 0;
    if (status == WR_OK)
        status = pay_for(library, text_bytes, data_bytes, err);
    if (status != WR_OK) {
        dlclose(handle);
        return status;
    }
    library->is_open = true;
    return WR_OK;
}
