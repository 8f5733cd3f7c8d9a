/* types/civil.c — the proleptic Gregorian calendar.
 *
 * Years begin in March inside, so that the leap day is the last one of a year; eras have 400 years.
 * Source: Hinnant, chrono-compatible low-level date algorithms. */
#include "types/parse.h"

int32_t wr_days_from_civil(int32_t year, uint32_t month, uint32_t day)
{
    int64_t  y = (int64_t)year - (month <= 2);
    int64_t  era = (y >= 0 ? y : y - 399) / 400;
    uint32_t year_of_era = (uint32_t)(y - era * 400);
    uint32_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    uint32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return (int32_t)(era * 146097 + (int64_t)day_of_era - 719468);
}

void wr_civil_from_days(int32_t days, int32_t *out_year, uint32_t *out_month, uint32_t *out_day)
{
    int64_t  z = (int64_t)days + 719468;
    int64_t  era = (z >= 0 ? z : z - 146096) / 146097;
    uint32_t day_of_era = (uint32_t)(z - era * 146097);
    uint32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t month_from_march = (5 * day_of_year + 2) / 153;

    *out_day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    *out_month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    *out_year = (int32_t)((int64_t)year_of_era + era * 400 + (*out_month <= 2));
}

bool wr_civil_is_valid(int32_t year, uint32_t month, uint32_t day)
{
    static const uint8_t MONTH_DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    if (month < 1 || month > 12 || day < 1)
        return false;
    return day <= MONTH_DAYS[month - 1] + (uint32_t)(month == 2 && leap);
}
