#include "CICUData.h"

// Data of ICU's common package with nothing in it, in ICU's format (udata.h, "CmnD"), under the name that Foundation's ICU asks
// for. It spares the installed binary 34 MB of locales, calendars and collations of the world, none of which pretrain uses: ICU
// reports U_FILE_ACCESS_ERROR to whoever does. Regular expressions, which the YAML reader has, need none.
#ifdef ICU_DATA
#include <stdint.h>

extern const struct package {
    uint16_t header_size;
    uint8_t magic[2];
    uint16_t info_size, reserved;
    uint8_t is_big_endian, charset_family, character_size, reserved_byte;
    uint8_t format[4], format_version[4], data_version[4];
    uint8_t padding[8];
    uint32_t entry_count;
} ICU_DATA;

const struct package ICU_DATA = {
    32, {0xda, 0x27}, 20, 0, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, 0, 2, 0, "CmnD", {1}, {0}, {0}, 0,
};
#endif
