#!/bin/sh
# Prints TAP (testanything.org). Exit code 1: a test failed.
cd "$(dirname "$0")/.." || exit 2

count=0
failed=0

# says SECONDS TEXT
says() {
  count=$((count + 1))
  got=$(sh src/howlong.sh "$1" 2>&1)
  if [ "$got" = "$2" ]; then
    echo "ok $count - $1 is $2"
  else
    failed=$((failed + 1))
    echo "not ok $count - $1 is $2"
    echo "# got: $got"
  fi
}

# refuses TEXT
refuses() {
  count=$((count + 1))
  if sh src/howlong.sh "$1" >/dev/null 2>&1; then
    failed=$((failed + 1))
    echo "not ok $count - '$1' is refused"
  else
    echo "ok $count - '$1' is refused"
  fi
}

says 0 '0 s'
says 1 '1 s'
says 59 '59 s'
says 60 '1 min'
says 61 '1 min 1 s'
says 3599 '59 min 59 s'
says 3600 '1 h'
says 5025 '1 h 23 min 45 s'
says 7261 '2 h 1 min 1 s'
says 86400 '1 d'
says 90061 '1 d 1 h 1 min 1 s'
refuses ''
refuses '-5'
refuses 'soon'

echo "1..$count"
[ "$failed" -eq 0 ]
