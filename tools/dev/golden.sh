# SPDX-License-Identifier: LGPL-2.1-or-later
# dev: writes the expected outputs under tests/golden anew; read the difference before you commit it

need build test
sh "$root/dev" build
LANLOOM=${LANLOOM:-$root/${BUILD:-build}/lanloom} tools/golden --write "$@"
