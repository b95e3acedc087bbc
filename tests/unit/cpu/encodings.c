#include "encodings.h"

#include <string.h>

enum { SP = 13, PC = 15 };

/* --- random numbers, fields -------------------------------------------------------------------------- */

uint32_t random_u32(struct random *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return (uint32_t)(r->state * 0x2545F4914F6CDD1Dull >> 32);
}

uint32_t random_below(struct random *r, uint32_t n)
{
    return (uint32_t)((uint64_t)random_u32(r) * n >> 32);
}

static unsigned bit_count(const char *pattern)
{
    unsigned n = 0;
    for (const char *p = pattern; *p; p++) {
        n += *p != ' ';
    }
    return n;
}

bool encoding_has(const struct encoding *e, char letter)
{
    return strchr(e->pattern, letter);
}

uint32_t encoding_field(const struct encoding *e, uint32_t insn, char letter)
{
    unsigned bit = bit_count(e->pattern);
    uint32_t value = 0;
    for (const char *p = e->pattern; *p; p++) {
        if (*p == ' ') {
            continue;
        }
        bit--;
        if (*p == letter) {
            value = value << 1 | (insn >> bit & 1);
        }
    }
    return value;
}

int encoding_register(const struct encoding *e, uint32_t insn, char lower)
{
    const char upper = (char)(lower - 'a' + 'A');
    if (encoding_has(e, lower)) {
        return (int)encoding_field(e, insn, lower);
    }
    return strchr("ADMNT", upper) && encoding_has(e, upper) ? (int)encoding_field(e, insn, upper) : -1;
}

bool encoding_matches(const struct encoding *e, uint32_t insn)
{
    unsigned bit = bit_count(e->pattern);
    for (const char *p = e->pattern; *p; p++) {
        if (*p == ' ') {
            continue;
        }
        bit--;
        if ((*p == '0' || *p == '1') && (insn >> bit & 1) != (uint32_t)(*p - '0')) {
            return false;
        }
    }
    return true;
}

/* --- what makes a form UNPREDICTABLE ----------------------------------------------------------------- */

typedef const struct encoding row;

static uint32_t get(row *e, uint32_t insn, char letter)
{
    return encoding_field(e, insn, letter);
}

/* ADD (register) T2: PC + PC (A7.7.4). */
static bool not_both_pc(row *e, uint32_t insn)
{
    return !(get(e, insn, 'x') == PC && get(e, insn, 'y') == PC);
}

/* CMP (register) T2: PC, or two low registers (A7.7.28). */
static bool compare_high(row *e, uint32_t insn)
{
    const uint32_t x = get(e, insn, 'x');
    const uint32_t y = get(e, insn, 'y');
    return x != PC && y != PC && (x > 7 || y > 7);
}

static bool x_is_not_pc(row *e, uint32_t insn)
{
    return get(e, insn, 'x') != PC;
}

/* An empty register list (A7.7.41 and kin). */
static bool list_not_empty(row *e, uint32_t insn)
{
    return get(e, insn, 'r') != 0;
}

/* STM T1 that stores its own base stores an UNKNOWN value unless the base comes first (A7.7.159). */
static bool base_first_in_list(row *e, uint32_t insn)
{
    const uint32_t list = get(e, insn, 'r');
    const uint32_t n = get(e, insn, 'n');
    return list != 0 && (!(list >> n & 1) || (list & ((1u << n) - 1)) == 0);
}

/* Wide LDM and STM: fewer than two registers, PC and LR together, write-back over a register of the list
 * (A7.7.41, A7.7.159). */
static bool wide_list(row *e, uint32_t insn)
{
    const uint32_t list = insn & 0xFFFF;
    const uint32_t n = get(e, insn, 'N');
    return __builtin_popcount(list) >= 2 && (list >> 14) != 3 && !(get(e, insn, 'w') && (list >> n & 1));
}

/* IT: condition 15 does not exist, AL has no else (A7.7.38); an empty mask is a hint. */
static bool if_then(row *e, uint32_t insn)
{
    const uint32_t cond = get(e, insn, 'c');
    const uint32_t mask = get(e, insn, 'k');
    return mask != 0 && cond != 15 && (cond != 14 || __builtin_popcount(mask) == 1);
}

static bool real_condition(row *e, uint32_t insn)
{
    return get(e, insn, 'c') < 14;
}

/* ThumbExpandImm: 00XY00XY and its two kin with XY = 0 (A5.3.2). */
static bool modified_immediate(row *e, uint32_t insn)
{
    const uint32_t imm = get(e, insn, 'i');
    return (imm >> 10) != 0 || (imm >> 8) == 0 || (imm & 0xFF) != 0;
}

/* ADD/SUB SP, SP, Rm: only shifted left by 0..3 (A7.7.6). */
static bool sp_shift(row *e, uint32_t insn)
{
    return get(e, insn, 'D') != SP || (get(e, insn, 'q') == 0 && get(e, insn, 'i') < 4);
}

/* SSAT and USAT with an ASR of 0 are SSAT16 and USAT16 (A7.7.152). */
static bool saturation_shift(row *e, uint32_t insn)
{
    return !(get(e, insn, 's') && get(e, insn, 'i') == 0);
}

/* SBFX, UBFX: beyond bit 31 (A7.7.126). */
static bool field_inside(row *e, uint32_t insn)
{
    return get(e, insn, 'i') + get(e, insn, 'w') < 32;
}

/* BFI, BFC: last bit before the first (A7.7.14). */
static bool field_in_order(row *e, uint32_t insn)
{
    return get(e, insn, 'w') >= get(e, insn, 'i');
}

/* MSR without a field to write (A7.7.83). */
static bool some_field(row *e, uint32_t insn)
{
    return get(e, insn, 'g') != 0;
}

static bool is_size_ok(uint32_t size, bool is_signed, bool names_sp)
{
    return size != 3 && !(is_signed && size == 2) && !(names_sp && size != 2);
}

/* Loads and stores of one register: only words go to or come from SP (A7.7.43, A7.7.163). */
static bool single_size(row *e, uint32_t insn)
{
    return is_size_ok(get(e, insn, 'z'), get(e, insn, 's'), get(e, insn, 'T') == SP);
}

/* LDRT and kin never with SP. */
static bool unprivileged_size(row *e, uint32_t insn)
{
    return is_size_ok(get(e, insn, 'z'), get(e, insn, 's'), false);
}

static bool extend_kind(row *e, uint32_t insn)
{
    return get(e, insn, 'o') < 6 && get(e, insn, 'x') != SP;
}

static bool parallel_kind(row *e, uint32_t insn)
{
    return (get(e, insn, 'o') & 3) != 3 && (get(e, insn, 'p') & 3) != 3;
}

/* CLZ, RBIT, REV: the register stands there twice (A7.7.24). */
static bool same_twice(row *e, uint32_t insn)
{
    (void)e;
    return (insn >> 16 & 15) == (insn & 15);
}

/* MUL is MLA with PC as addend, SMULBB is SMLABB...; SP is none (A7.7.73). */
static bool addend_not_sp(row *e, uint32_t insn)
{
    return get(e, insn, 'x') != SP;
}

/* TBB and TBH: the base may be PC, not SP (A7.7.185). */
static bool table_base(row *e, uint32_t insn)
{
    return get(e, insn, 'x') != SP;
}

static bool not_sp_x(row *e, uint32_t insn)
{
    return get(e, insn, 'x') != SP;
}

/* VCVT fixed point: more fraction bits than bits (A7.7.230). */
static bool fraction_fits(row *e, uint32_t insn)
{
    const uint32_t imm = (insn & 15) << 1 | (insn >> 5 & 1);
    return imm <= (get(e, insn, 's') ? 32u : 16u);
}

/* VMOV of two S registers: S31 has no successor (A7.7.243). */
static bool not_s31(row *e, uint32_t insn)
{
    (void)e;
    return ((insn & 15) << 1 | (insn >> 5 & 1)) != 31;
}

/* VLDM, VSTM of S registers: none, or beyond S31 (A7.7.235). */
static bool single_list(row *e, uint32_t insn)
{
    const uint32_t count = get(e, insn, 'i');
    const uint32_t first = (insn >> 12 & 15) << 1 | (insn >> 22 & 1);
    return count != 0 && first + count <= 32;
}

/* The same of D registers; an odd count is FLDMX, FSTMX. */
static bool double_list(row *e, uint32_t insn)
{
    const uint32_t count = get(e, insn, 'i') / 2;
    return count != 0 && (insn >> 12 & 15) + count <= 16;
}

/* --- the table --------------------------------------------------------------------------------------- */

enum { MEM = ENC_MEMORY, BR = ENC_BRANCH, NIT = ENC_NOT_IN_IT, FP = ENC_FP, MULT = ENC_MULTIPLE };

const struct encoding encodings[] = {
    /* 16 bits: shift, add, subtract, move, compare (A5.2.1) */
    {"lsls #", "00000 iiiii mmm ddd", 0, NULL, NULL},
    {"lsrs #", "00001 iiiii mmm ddd", 0, NULL, NULL},
    {"asrs #", "00010 iiiii mmm ddd", 0, NULL, NULL},
    {"adds low", "0001100 mmm nnn ddd", 0, NULL, NULL},
    {"subs low", "0001101 mmm nnn ddd", 0, NULL, NULL},
    {"adds #3", "0001110 iii nnn ddd", 0, NULL, NULL},
    {"subs #3", "0001111 iii nnn ddd", 0, NULL, NULL},
    {"movs #8", "00100 ddd iiiiiiii", 0, NULL, NULL},
    {"cmp #8", "00101 nnn iiiiiiii", 0, NULL, NULL},
    {"adds #8", "00110 ddd iiiiiiii", 0, NULL, NULL},
    {"subs #8", "00111 ddd iiiiiiii", 0, NULL, NULL},
    /* data processing (A5.2.2) */
    {"ands", "0100000000 mmm ddd", 0, NULL, NULL},
    {"eors", "0100000001 mmm ddd", 0, NULL, NULL},
    {"lsls reg", "0100000010 mmm ddd", 0, NULL, NULL},
    {"lsrs reg", "0100000011 mmm ddd", 0, NULL, NULL},
    {"asrs reg", "0100000100 mmm ddd", 0, NULL, NULL},
    {"adcs", "0100000101 mmm ddd", 0, NULL, NULL},
    {"sbcs", "0100000110 mmm ddd", 0, NULL, NULL},
    {"rors reg", "0100000111 mmm ddd", 0, NULL, NULL},
    {"tst", "0100001000 mmm nnn", 0, NULL, NULL},
    {"rsbs #0", "0100001001 nnn ddd", 0, NULL, NULL},
    {"cmp", "0100001010 mmm nnn", 0, NULL, NULL},
    {"cmn", "0100001011 mmm nnn", 0, NULL, NULL},
    {"orrs", "0100001100 mmm ddd", 0, NULL, NULL},
    {"muls", "0100001101 nnn ddd", 0, NULL, NULL},
    {"bics", "0100001110 mmm ddd", 0, NULL, NULL},
    {"mvns", "0100001111 mmm ddd", 0, NULL, NULL},
    /* high registers, branch and exchange (A5.2.3) */
    {"add high", "01000100 x yyyy xxx", BR, NULL, not_both_pc},
    {"cmp high", "01000101 x yyyy xxx", 0, NULL, compare_high},
    {"mov high", "01000110 x yyyy xxx", BR, NULL, NULL},
    {"bx", "010001110 xxxx 000", BR, NULL, x_is_not_pc},
    {"blx", "010001111 xxxx 000", BR, NULL, x_is_not_pc},
    /* load, store (A5.2.4) */
    {"ldr lit 16", "01001 ttt iiiiiiii", 0, NULL, NULL},
    {"str reg 16", "0101000 mmm nnn ttt", MEM, NULL, NULL},
    {"strh reg 16", "0101001 mmm nnn ttt", MEM, NULL, NULL},
    {"strb reg 16", "0101010 mmm nnn ttt", MEM, NULL, NULL},
    {"ldrsb reg 16", "0101011 mmm nnn ttt", MEM, NULL, NULL},
    {"ldr reg 16", "0101100 mmm nnn ttt", MEM, NULL, NULL},
    {"ldrh reg 16", "0101101 mmm nnn ttt", MEM, NULL, NULL},
    {"ldrb reg 16", "0101110 mmm nnn ttt", MEM, NULL, NULL},
    {"ldrsh reg 16", "0101111 mmm nnn ttt", MEM, NULL, NULL},
    {"str #16", "01100 iiiii nnn ttt", MEM, NULL, NULL},
    {"ldr #16", "01101 iiiii nnn ttt", MEM, NULL, NULL},
    {"strb #16", "01110 iiiii nnn ttt", MEM, NULL, NULL},
    {"ldrb #16", "01111 iiiii nnn ttt", MEM, NULL, NULL},
    {"strh #16", "10000 iiiii nnn ttt", MEM, NULL, NULL},
    {"ldrh #16", "10001 iiiii nnn ttt", MEM, NULL, NULL},
    {"str sp", "10010 ttt iiiiiiii", 0, NULL, NULL},
    {"ldr sp", "10011 ttt iiiiiiii", 0, NULL, NULL},
    {"adr 16", "10100 ddd iiiiiiii", 0, NULL, NULL},
    {"add sp #8", "10101 ddd iiiiiiii", 0, NULL, NULL},
    /* miscellaneous (A5.2.5) */
    {"add sp #7", "101100000 iiiiiii", 0, NULL, NULL},
    {"sub sp #7", "101100001 iiiiiii", 0, NULL, NULL},
    {"cbz cbnz", "1011 o 0 i 1 iiiii nnn", BR | NIT, NULL, NULL},
    {"sxth 16", "1011001000 mmm ddd", 0, NULL, NULL},
    {"sxtb 16", "1011001001 mmm ddd", 0, NULL, NULL},
    {"uxth 16", "1011001010 mmm ddd", 0, NULL, NULL},
    {"uxtb 16", "1011001011 mmm ddd", 0, NULL, NULL},
    {"push", "1011010 rrrrrrrrr", 0, NULL, list_not_empty},
    {"pop", "1011110 0 rrrrrrrr", 0, NULL, list_not_empty},
    {"pop pc", "1011110 1 oooooooo", BR, NULL, NULL},
    {"rev 16", "1011101000 mmm ddd", 0, NULL, NULL},
    {"rev16 16", "1011101001 mmm ddd", 0, NULL, NULL},
    {"revsh 16", "1011101011 mmm ddd", 0, NULL, NULL},
    {"it", "10111111 cccc kkkk", NIT, NULL, if_then},
    {"nop", "10111111 00000000", 0, NULL, NULL},
    {"stm 16", "11000 nnn rrrrrrrr", MEM | MULT, NULL, base_first_in_list},
    {"ldm 16", "11001 nnn rrrrrrrr", MEM | MULT, NULL, list_not_empty},
    {"b cond", "1101 cccc iiiiiiii", BR | NIT, NULL, real_condition},
    {"b", "11100 iiiiiiiiiii", BR, NULL, NULL},

    /* 32 bits: load and store multiple (A5.3.5) */
    {"stm", "1110100010w0 NNNN 0o0ooooooooooooo", MEM | MULT, NULL, wide_list},
    {"ldm", "1110100010w1 NNNN 0o0ooooooooooooo", MEM | MULT, NULL, wide_list},
    {"ldm pc", "1110100010w1 NNNN 100ooooooooooooo", MEM | MULT | BR, NULL, wide_list},
    {"stmdb", "1110100100w0 NNNN 0o0ooooooooooooo", MEM | MULT, NULL, wide_list},
    {"ldmdb", "1110100100w1 NNNN 0o0ooooooooooooo", MEM | MULT, NULL, wide_list},
    {"ldmdb pc", "1110100100w1 NNNN 100ooooooooooooo", MEM | MULT | BR, NULL, wide_list},
    /* dual, exclusive, table branch (A5.3.6) */
    {"strd", "11101001k100 NNNN tttt hhhh iiiiiiii", MEM | MULT, NULL, NULL},
    {"strd pre", "11101001k110 NNNN tttt hhhh iiiiiiii", MEM | MULT, "Nt Nh", NULL},
    {"strd post", "11101000k110 NNNN tttt hhhh iiiiiiii", MEM | MULT, "Nt Nh", NULL},
    {"ldrd", "11101001k101 NNNN tttt hhhh iiiiiiii", MEM | MULT, "th", NULL},
    {"ldrd pre", "11101001k111 NNNN tttt hhhh iiiiiiii", MEM | MULT, "th Nt Nh", NULL},
    {"ldrd post", "11101000k111 NNNN tttt hhhh iiiiiiii", MEM | MULT, "th Nt Nh", NULL},
    {"ldrd lit", "11101001k101 1111 tttt hhhh iiiiiiii", 0, "th", NULL},
    {"strex", "111010000100 NNNN tttt dddd iiiiiiii", MEM | MULT | ENC_EXCLUSIVE, "dN dt", NULL},
    {"ldrex", "111010000101 NNNN tttt 1111 iiiiiiii", MEM | MULT, NULL, NULL},
    {"strexb", "111010001100 NNNN tttt 1111 0100 dddd", MEM | MULT | ENC_EXCLUSIVE, "dN dt", NULL},
    {"strexh", "111010001100 NNNN tttt 1111 0101 dddd", MEM | MULT | ENC_EXCLUSIVE, "dN dt", NULL},
    {"ldrexb", "111010001101 NNNN tttt 1111 01001111", MEM | MULT, NULL, NULL},
    {"ldrexh", "111010001101 NNNN tttt 1111 01011111", MEM | MULT, NULL, NULL},
    {"tbb tbh", "111010001101 xxxx 1111 0000 000k mmmm", BR, NULL, table_base},
    /* data processing, shifted register (A5.3.11) */
    {"and shift", "11101010000s nnnn 0iii dddd iiqq mmmm", 0, NULL, NULL},
    {"tst shift", "111010100001 nnnn 0iii 1111 iiqq mmmm", 0, NULL, NULL},
    {"bic shift", "11101010001s nnnn 0iii dddd iiqq mmmm", 0, NULL, NULL},
    {"orr shift", "11101010010s nnnn 0iii dddd iiqq mmmm", 0, NULL, NULL},
    {"mov shift", "11101010010s 1111 0iii dddd iiqq mmmm", 0, NULL, NULL},
    {"mov to sp", "111010100100 1111 0000 1101 0000 mmmm", 0, NULL, NULL},
    {"mov from sp", "111010100100 1111 0000 dddd 0000 1101", 0, NULL, NULL},
    {"orn shift", "11101010011s nnnn 0iii dddd iiqq mmmm", 0, NULL, NULL},
    {"mvn shift", "11101010011s 1111 0iii dddd iiqq mmmm", 0, NULL, NULL},
    {"eor shift", "11101010100s nnnn 0iii dddd iiqq mmmm", 0, NULL, NULL},
    {"teq shift", "111010101001 nnnn 0iii 1111 iiqq mmmm", 0, NULL, NULL},
    {"pkh", "111010101100 nnnn 0iii dddd iik0 mmmm", 0, NULL, NULL},
    {"add shift", "11101011000s nnnn 0iii dddd iiqq mmmm", 0, NULL, NULL},
    {"add sp shift", "11101011000s 1101 0iii DDDD iiqq mmmm", 0, NULL, sp_shift},
    {"cmn shift", "111010110001 NNNN 0iii 1111 iiqq mmmm", 0, NULL, NULL},
    {"adc shift", "11101011010s nnnn 0iii dddd iiqq mmmm", 0, NULL, NULL},
    {"sbc shift", "11101011011s nnnn 0iii dddd iiqq mmmm", 0, NULL, NULL},
    {"sub shift", "11101011101s nnnn 0iii dddd iiqq mmmm", 0, NULL, NULL},
    {"sub sp shift", "11101011101s 1101 0iii DDDD iiqq mmmm", 0, NULL, sp_shift},
    {"cmp shift", "111010111011 NNNN 0iii 1111 iiqq mmmm", 0, NULL, NULL},
    {"rsb shift", "11101011110s nnnn 0iii dddd iiqq mmmm", 0, NULL, NULL},
    /* data processing, modified immediate (A5.3.1) */
    {"and imm", "11110i00000s nnnn 0iii dddd iiiiiiii", 0, NULL, modified_immediate},
    {"tst imm", "11110i000001 nnnn 0iii 1111 iiiiiiii", 0, NULL, modified_immediate},
    {"bic imm", "11110i00001s nnnn 0iii dddd iiiiiiii", 0, NULL, modified_immediate},
    {"orr imm", "11110i00010s nnnn 0iii dddd iiiiiiii", 0, NULL, modified_immediate},
    {"mov imm", "11110i00010s 1111 0iii dddd iiiiiiii", 0, NULL, modified_immediate},
    {"orn imm", "11110i00011s nnnn 0iii dddd iiiiiiii", 0, NULL, modified_immediate},
    {"mvn imm", "11110i00011s 1111 0iii dddd iiiiiiii", 0, NULL, modified_immediate},
    {"eor imm", "11110i00100s nnnn 0iii dddd iiiiiiii", 0, NULL, modified_immediate},
    {"teq imm", "11110i001001 nnnn 0iii 1111 iiiiiiii", 0, NULL, modified_immediate},
    {"add imm", "11110i01000s nnnn 0iii dddd iiiiiiii", 0, NULL, modified_immediate},
    {"add sp imm", "11110i01000s 1101 0iii DDDD iiiiiiii", 0, NULL, modified_immediate},
    {"cmn imm", "11110i010001 NNNN 0iii 1111 iiiiiiii", 0, NULL, modified_immediate},
    {"adc imm", "11110i01010s nnnn 0iii dddd iiiiiiii", 0, NULL, modified_immediate},
    {"sbc imm", "11110i01011s nnnn 0iii dddd iiiiiiii", 0, NULL, modified_immediate},
    {"sub imm", "11110i01101s nnnn 0iii dddd iiiiiiii", 0, NULL, modified_immediate},
    {"sub sp imm", "11110i01101s 1101 0iii DDDD iiiiiiii", 0, NULL, modified_immediate},
    {"cmp imm", "11110i011011 NNNN 0iii 1111 iiiiiiii", 0, NULL, modified_immediate},
    {"rsb imm", "11110i01110s nnnn 0iii dddd iiiiiiii", 0, NULL, modified_immediate},
    /* plain binary immediate (A5.3.3) */
    {"addw", "11110i100000 nnnn 0iii dddd iiiiiiii", 0, NULL, NULL},
    {"addw sp", "11110i100000 1101 0iii DDDD iiiiiiii", 0, NULL, NULL},
    {"adr add", "11110i100000 1111 0iii dddd iiiiiiii", 0, NULL, NULL},
    {"movw", "11110i100100 iiii 0iii dddd iiiiiiii", 0, NULL, NULL},
    {"subw", "11110i101010 nnnn 0iii dddd iiiiiiii", 0, NULL, NULL},
    {"subw sp", "11110i101010 1101 0iii DDDD iiiiiiii", 0, NULL, NULL},
    {"adr sub", "11110i101010 1111 0iii dddd iiiiiiii", 0, NULL, NULL},
    {"movt", "11110i101100 iiii 0iii dddd iiiiiiii", 0, NULL, NULL},
    {"ssat", "1111001100s0 nnnn 0iii dddd ii0wwwww", 0, NULL, saturation_shift},
    {"ssat16", "111100110010 nnnn 0000 dddd 0000wwww", 0, NULL, NULL},
    {"sbfx", "111100110100 nnnn 0iii dddd ii0wwwww", 0, NULL, field_inside},
    {"bfi", "111100110110 nnnn 0iii dddd ii0wwwww", 0, NULL, field_in_order},
    {"bfc", "111100110110 1111 0iii dddd ii0wwwww", 0, NULL, field_in_order},
    {"usat", "1111001110s0 nnnn 0iii dddd ii0wwwww", 0, NULL, saturation_shift},
    {"usat16", "111100111010 nnnn 0000 dddd 0000wwww", 0, NULL, NULL},
    {"ubfx", "111100111100 nnnn 0iii dddd ii0wwwww", 0, NULL, field_inside},
    /* branches and control (A5.3.4) */
    {"b cond wide", "11110s cccc iiiiii 10j0k iiiiiiiiiii", BR | NIT, NULL, real_condition},
    {"b wide", "11110s iiiiiiiiii 10j1k iiiiiiiiiii", BR, NULL, NULL},
    {"bl", "11110s iiiiiiiiii 11j1k iiiiiiiiiii", BR, NULL, NULL},
    {"msr apsr", "111100111000 nnnn 1000 gg00 00000000", 0, NULL, some_field},
    {"mrs apsr", "111100111110 1111 1000 dddd 00000000", 0, NULL, NULL},
    {"nop wide", "11110011101011111000000000000000", 0, NULL, NULL},
    {"clrex", "11110011101111111000111100101111", 0, NULL, NULL},
    {"dsb", "1111001110111111100011110100iiii", 0, NULL, NULL},
    {"dmb", "1111001110111111100011110101iiii", 0, NULL, NULL},
    {"isb", "1111001110111111100011110110iiii", 0, NULL, NULL},
    /* load and store of one register (A5.3.7 to A5.3.10) */
    {"str imm12", "111110001zz0 NNNN TTTT iiiiiiiiiiii", MEM, NULL, single_size},
    {"str down", "111110000zz0 NNNN TTTT 1100 iiiiiiii", MEM, NULL, single_size},
    {"str pre", "111110000zz0 NNNN TTTT 11k1 iiiiiiii", MEM, "NT", single_size},
    {"str post", "111110000zz0 NNNN TTTT 10k1 iiiiiiii", MEM, "NT", single_size},
    {"strt", "111110000zz0 NNNN tttt 1110 iiiiiiii", MEM, NULL, unprivileged_size},
    {"str reg", "111110000zz0 NNNN TTTT 000000ii mmmm", MEM, NULL, single_size},
    {"ldr imm12", "1111100s1zz1 NNNN TTTT iiiiiiiiiiii", MEM, NULL, single_size},
    {"ldr down", "1111100s0zz1 NNNN TTTT 1100 iiiiiiii", MEM, NULL, single_size},
    {"ldr pre", "1111100s0zz1 NNNN TTTT 11k1 iiiiiiii", MEM, "NT", single_size},
    {"ldr post", "1111100s0zz1 NNNN TTTT 10k1 iiiiiiii", MEM, "NT", single_size},
    {"ldrt", "1111100s0zz1 NNNN tttt 1110 iiiiiiii", MEM, NULL, unprivileged_size},
    {"ldr reg", "1111100s0zz1 NNNN TTTT 000000ii mmmm", MEM, NULL, single_size},
    {"ldr lit", "1111100skzz1 1111 TTTT iiiiiiiiiiii", 0, NULL, single_size},
    {"ldr pc", "111110001101 NNNN 1111 iiiiiiiiiiii", MEM | BR, NULL, NULL},
    {"ldr pc post", "111110000101 NNNN 1111 10k1 iiiiiiii", MEM | BR, NULL, NULL},
    {"ldr pc reg", "111110000101 NNNN 1111 000000ii mmmm", MEM | BR, NULL, NULL},
    {"pld", "111110001001 NNNN 1111 iiiiiiiiiiii", 0, NULL, NULL},
    {"pli", "111110011001 NNNN 1111 iiiiiiiiiiii", 0, NULL, NULL},
    /* data processing, register (A5.3.12 to A5.3.15) */
    {"shift reg", "111110100ooS nnnn 1111 dddd 0000 mmmm", 0, NULL, NULL},
    {"extend", "111110100ooo xxxx 1111 dddd 10ii mmmm", 0, NULL, extend_kind},
    {"parallel", "111110101ooo nnnn 1111 dddd 0ppp mmmm", 0, NULL, parallel_kind},
    {"qadd qsub", "111110101000 nnnn 1111 dddd 10oo mmmm", 0, NULL, NULL},
    {"rev rbit", "111110101001 xxxx 1111 dddd 10oo mmmm", 0, NULL, same_twice},
    {"sel", "111110101010 nnnn 1111 dddd 1000 mmmm", 0, NULL, NULL},
    {"clz", "111110101011 xxxx 1111 dddd 1000 mmmm", 0, NULL, same_twice},
    /* multiply, divide (A5.3.16, A5.3.17) */
    {"mla", "111110110000 nnnn aaaa dddd 0000 mmmm", 0, NULL, NULL},
    {"mul", "111110110000 nnnn 1111 dddd 0000 mmmm", 0, NULL, NULL},
    {"mls", "111110110000 nnnn aaaa dddd 0001 mmmm", 0, NULL, NULL},
    {"smla half", "111110110001 nnnn xxxx dddd 00oo mmmm", 0, NULL, addend_not_sp},
    {"smlad", "111110110010 nnnn xxxx dddd 000o mmmm", 0, NULL, addend_not_sp},
    {"smlaw", "111110110011 nnnn xxxx dddd 000o mmmm", 0, NULL, addend_not_sp},
    {"smlsd", "111110110100 nnnn xxxx dddd 000o mmmm", 0, NULL, addend_not_sp},
    {"smmla", "111110110101 nnnn xxxx dddd 000o mmmm", 0, NULL, addend_not_sp},
    {"smmls", "111110110110 nnnn aaaa dddd 000o mmmm", 0, NULL, NULL},
    {"usada8", "111110110111 nnnn xxxx dddd 0000 mmmm", 0, NULL, addend_not_sp},
    {"smull", "111110111000 nnnn tttt dddd 0000 mmmm", 0, "td", NULL},
    {"sdiv", "111110111001 nnnn 1111 dddd 1111 mmmm", 0, NULL, NULL},
    {"umull", "111110111010 nnnn tttt dddd 0000 mmmm", 0, "td", NULL},
    {"udiv", "111110111011 nnnn 1111 dddd 1111 mmmm", 0, NULL, NULL},
    {"smlal", "111110111100 nnnn tttt dddd 0000 mmmm", 0, "td", NULL},
    {"smlal half", "111110111100 nnnn tttt dddd 10oo mmmm", 0, "td", NULL},
    {"smlald", "111110111100 nnnn tttt dddd 110o mmmm", 0, "td", NULL},
    {"smlsld", "111110111101 nnnn tttt dddd 110o mmmm", 0, "td", NULL},
    {"umlal", "111110111110 nnnn tttt dddd 0000 mmmm", 0, "td", NULL},
    {"umaal", "111110111110 nnnn tttt dddd 0110 mmmm", 0, "td", NULL},

    /* floating point: data processing (A6.4) */
    {"vmla vmls", "111011100v00 vvvv vvvv 1010 vov0 vvvv", FP, NULL, NULL},
    {"vnmla vnmls", "111011100v01 vvvv vvvv 1010 vov0 vvvv", FP, NULL, NULL},
    {"vmul", "111011100v10 vvvv vvvv 1010 v0v0 vvvv", FP, NULL, NULL},
    {"vnmul", "111011100v10 vvvv vvvv 1010 v1v0 vvvv", FP, NULL, NULL},
    {"vadd", "111011100v11 vvvv vvvv 1010 v0v0 vvvv", FP, NULL, NULL},
    {"vsub", "111011100v11 vvvv vvvv 1010 v1v0 vvvv", FP, NULL, NULL},
    {"vdiv", "111011101v00 vvvv vvvv 1010 v0v0 vvvv", FP, NULL, NULL},
    {"vfnma vfnms", "111011101v01 vvvv vvvv 1010 vov0 vvvv", FP, NULL, NULL},
    {"vfma vfms", "111011101v10 vvvv vvvv 1010 vov0 vvvv", FP, NULL, NULL},
    {"vmov imm", "111011101v11 iiii vvvv 1010 0000 iiii", FP, NULL, NULL},
    {"vmov vabs", "111011101v11 0000 vvvv 1010 o1v0 vvvv", FP, NULL, NULL},
    {"vneg", "111011101v11 0001 vvvv 1010 01v0 vvvv", FP, NULL, NULL},
    {"vsqrt", "111011101v11 0001 vvvv 1010 11v0 vvvv", FP, NULL, NULL},
    {"vcvt from half", "111011101v11 0010 vvvv 1010 o1v0 vvvv", FP, NULL, NULL},
    {"vcvt to half", "111011101v11 0011 vvvv 1010 o1v0 vvvv", FP, NULL, NULL},
    {"vcmp", "111011101v11 0100 vvvv 1010 o1v0 vvvv", FP, NULL, NULL},
    {"vcmp 0", "111011101v11 0101 vvvv 1010 o100 0000", FP, NULL, NULL},
    {"vcvt from int", "111011101v11 1000 vvvv 1010 o1v0 vvvv", FP, NULL, NULL},
    {"vcvt to int", "111011101v11 110o vvvv 1010 o1v0 vvvv", FP, NULL, NULL},
    {"vcvt from fixed", "111011101v11 101o vvvv 1010 s1i0 iiii", FP, NULL, fraction_fits},
    {"vcvt to fixed", "111011101v11 111o vvvv 1010 s1i0 iiii", FP, NULL, fraction_fits},
    /* transfers (A6.6, A6.7) */
    {"vmov core", "11101110000o vvvv tttt 1010 v0010000", FP, NULL, NULL},
    {"vmov scalar", "1110111000oo vvvv tttt 1011 00010000", FP, NULL, NULL},
    {"vmsr", "111011101110 0001 tttt 1010 00010000", FP, NULL, NULL},
    {"vmrs", "111011101111 0001 xxxx 1010 00010000", FP, NULL, not_sp_x},
    {"vmov to pair", "111011000100 nnnn tttt 1010 00v1 vvvv", FP, NULL, not_s31},
    {"vmov from pair", "111011000101 nnnn tttt 1010 00v1 vvvv", FP, "nt", not_s31},
    {"vmov to double", "111011000100 nnnn tttt 1011 0001 vvvv", FP, NULL, NULL},
    {"vmov from double", "111011000101 nnnn tttt 1011 0001 vvvv", FP, "nt", NULL},
    /* load and store (A6.5) */
    {"vldr", "11101101kv01 NNNN vvvv 1010 iiiiiiii", FP | MEM | MULT, NULL, NULL},
    {"vldr lit", "11101101kv01 1111 vvvv 1010 iiiiiiii", FP, NULL, NULL},
    {"vldr double", "11101101k001 NNNN vvvv 1011 iiiiiiii", FP | MEM | MULT, NULL, NULL},
    {"vstr", "11101101kv00 NNNN vvvv 1010 iiiiiiii", FP | MEM | MULT, NULL, NULL},
    {"vstr double", "11101101k000 NNNN vvvv 1011 iiiiiiii", FP | MEM | MULT, NULL, NULL},
    {"vldm", "111011001vw1 NNNN vvvv 1010 iiiiiiii", FP | MEM | MULT, NULL, single_list},
    {"vldm double", "1110110010w1 NNNN vvvv 1011 iiiiiiii", FP | MEM | MULT, NULL, double_list},
    {"vldmdb", "111011010v11 NNNN vvvv 1010 iiiiiiii", FP | MEM | MULT, NULL, single_list},
    {"vldmdb double", "111011010011 NNNN vvvv 1011 iiiiiiii", FP | MEM | MULT, NULL, double_list},
    {"vstm", "111011001vw0 NNNN vvvv 1010 iiiiiiii", FP | MEM | MULT, NULL, single_list},
    {"vstm double", "1110110010w0 NNNN vvvv 1011 iiiiiiii", FP | MEM | MULT, NULL, double_list},
    {"vstmdb", "111011010v10 NNNN vvvv 1010 iiiiiiii", FP | MEM | MULT, NULL, single_list},
    {"vstmdb double", "111011010010 NNNN vvvv 1011 iiiiiiii", FP | MEM | MULT, NULL, double_list},
};
const size_t n_encodings = sizeof encodings / sizeof encodings[0];

/* --- generator --------------------------------------------------------------------------------------- */

static bool registers_are_usable(const struct encoding *e, uint32_t insn)
{
    for (const char *p = "adhlmntu"; *p; p++) {
        const uint32_t r = encoding_field(e, insn, *p);
        if (encoding_has(e, *p) && (r == SP || r == PC)) {
            return false;
        }
    }
    for (const char *p = "ADMNT"; *p; p++) {
        if (encoding_has(e, *p) && encoding_field(e, insn, *p) == PC) {
            return false;
        }
    }
    return true;
}

static bool pairs_differ(const struct encoding *e, uint32_t insn)
{
    for (const char *p = e->distinct; p && *p; p += p[2] ? 3 : 2) {
        if (encoding_field(e, insn, p[0]) == encoding_field(e, insn, p[1])) {
            return false;
        }
    }
    return true;
}

static uint32_t fill(const struct encoding *e, struct random *r)
{
    uint32_t insn = 0;
    for (const char *p = e->pattern; *p; p++) {
        if (*p != ' ') {
            const uint32_t bit = *p == '0' || *p == '1' ? (uint32_t)(*p - '0') : random_u32(r) >> 31;
            insn = insn << 1 | bit;
        }
    }
    return insn;
}

struct instruction instruction_random(const struct encoding *e, struct random *r)
{
    struct instruction i = {.encoding = e, .is_wide = bit_count(e->pattern) == 32};
    do { /* the strictest row keeps 1 in 16 */
        i.bits = fill(e, r);
        if (e->is_predictable == same_twice) {
            i.bits = (i.bits & ~0xFu) | (i.bits >> 16 & 15);
        }
    } while (!registers_are_usable(e, i.bits) || !pairs_differ(e, i.bits) ||
             (e->is_predictable && !e->is_predictable(e, i.bits)));
    return i;
}

bool instruction_allowed_in_it(const struct instruction *i)
{
    const bool is_movs_t2 = !i->is_wide && i->bits >> 6 == 0;
    return !(i->encoding->flags & ENC_NOT_IN_IT) && !is_movs_t2;
}
