/* text_utf8.c — UTF-8 validation: ASCII in steps of 16, other characters by their lead byte; with
 * AVX2 whole blocks by three table look-ups.
 *
 * The AVX2 build follows Keiser, Lemire, Validating UTF-8 In Less Than One Instruction Per Byte
 * (2021): every error shows in a pair of neighbouring bytes, except a missing third or fourth byte.
 * The high half and the low half of the first byte and the high half of the second each select
 * a set of errors that they allow; an error is there iff all three sets share one. */
#include "kernel/text_utf8.h"

#include "base/bits.h"
#include "kernel/text_isa.h"
#include "text_utf8_priv.h"

/* Set the bounds of the byte after a lead byte; false: not a lead byte. */
static bool enter_character(wr_utf8_state *state, uint8_t lead)
{
    state->low = 0x80;
    state->high = 0xbf;
    if (lead < 0xc2 || lead > 0xf4)
        return false;
    state->left = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (lead == 0xe0)
        state->low = 0xa0;
    else if (lead == 0xed)
        state->high = 0x9f;
    else if (lead == 0xf0)
        state->low = 0x90;
    else if (lead == 0xf4)
        state->high = 0x8f;
    return true;
}

bool wr_utf8_feed(wr_utf8_state *state, const void *bytes, size_t byte_count)
{
    const uint8_t *at = bytes;
    const uint8_t *end = at + byte_count;

    while (at < end) {
        if (state->left > 0) {
            if (*at < state->low || *at > state->high)
                return false;
            state->low = 0x80;
            state->high = 0xbf;
            state->left--;
            at++;
            continue;
        }
        while (end - at >= 16 &&
               !((wr_load_u64(at) | wr_load_u64(at + 8)) & 0x8080808080808080ull))
            at += 16;
        while (at < end && *at < 0x80)
            at++;
        if (at < end && !enter_character(state, *at++))
            return false;
    }
    return true;
}

bool wr_utf8_is_valid(const void *bytes, size_t byte_count)
{
    wr_utf8_state state = {0};
    size_t        done = 0;

#ifdef WR_TEXT_WITH_AVX2
    if (byte_count >= 64 && wr_text_isa_has_avx2() &&
        !wr_utf8_check_blocks(bytes, byte_count, &done))
        return false;
#endif
    return wr_utf8_feed(&state, (const uint8_t *)bytes + done, byte_count - done) &&
           state.left == 0;
}
