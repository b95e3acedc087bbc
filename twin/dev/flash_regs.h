/** Registers and areas of FLASH: RM0090 3.9. */
#ifndef FLASH_REGS_H
#define FLASH_REGS_H

enum { ACR = 0x00, KEYR = 0x04, OPTKEYR = 0x08, SR = 0x0C, CR = 0x10, OPTCR = 0x14, WINDOW = 0x400 };
enum { SR_EOP = 1 << 0, SR_OPERR = 1 << 1, SR_WRPERR = 1 << 4, SR_PGAERR = 1 << 5, SR_PGPERR = 1 << 6 };
enum { SR_PGSERR = 1 << 7, SR_BSY = 1 << 16, SR_FLAGS = 0xF3, SR_ERRORS = 0xF2 };
enum { CR_PG = 1 << 0, CR_SER = 1 << 1, CR_MER = 1 << 2, CR_STRT = 1 << 16, CR_EOPIE = 1 << 24 };
enum { CR_ERRIE = 1 << 25 };
enum { ACR_PRFTEN = 1 << 8, ACR_ICEN = 1 << 9, ACR_DCEN = 1 << 10, ACR_ICRST = 1 << 11, ACR_DCRST = 1 << 12 };
enum { ACR_LEGAL = 0x1F07, IRQ_FLASH = 4 };
enum { OPTCR_LOCK = 1 << 0, OPTCR_STRT = 1 << 1, RDP_LEVEL_0 = 0xAA, RDP_LEVEL_2 = 0xCC };
enum { OPTIONS_US = 350000 }; /* measured on a sister part; DS8626 gives none */
enum { OTP_BLOCK_BYTES = 32, OTP_BLOCKS = 16, OPTION_BYTES = 16 };

#define CR_LOCK        0x80000000U
#define CR_LEGAL       0x8301037FU
#define OPTCR_LEGAL    0x0FFFFFEFU
#define OPTCR_NWRP     0x0FFF0000U
#define OPTCR_ALL_ONES 0x0FFFFFECU /* what an erased option sector reads as */
#define ARRAY_BASE     0x08000000U
#define OTP_BASE       0x1FFF7800U
#define OPTIONS_BASE   0x1FFFC000U
#define PS_PER_US      1000000ULL

#endif
