/* Linked against `format` only, so the header of a layer above it must not be found. */
#include "format/image.h"
#include "link/link_proto.h"
