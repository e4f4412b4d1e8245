/// Nothing to call: a definition that the linker finds before that of Foundation's ICU.
#pragma once
