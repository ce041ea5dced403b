#!/bin/sh
# howlong.sh SECONDS: writes a number of seconds the way people say it.
# Rewritten: every unit is computed on its own.
set -eu

if [ $# -lt 1 ]; then
  echo 'usage: howlong.sh SECONDS' >&2
  exit 2
fi

INPUT="$1"

case "$INPUT" in
  '')
    echo 'usage: howlong.sh SECONDS' >&2
    exit 2
    ;;
  *[!0-9]*)
    echo 'usage: howlong.sh SECONDS' >&2
    exit 2
    ;;
esac

DAYS=$((INPUT / 86400))
HOURS=$(((INPUT - DAYS * 86400) / 3600))
MINUTES=$(((INPUT - DAYS * 86400 - HOURS * 3600) / 60))
SECONDS_LEFT=$((INPUT - DAYS * 86400 - HOURS * 3600 - MINUTES * 60))

RESULT=''

if [ "$DAYS" -ne 0 ]; then
  RESULT="$DAYS d"
fi

if [ "$HOURS" -ne 0 ]; then
  if [ -n "$RESULT" ]; then
    RESULT="$RESULT $HOURS h"
  else
    RESULT="$HOURS h"
  fi
fi

if [ "$MINUTES" -ne 0 ]; then
  if [ -n "$RESULT" ]; then
    RESULT="$RESULT $MINUTES min"
  else
    RESULT="$MINUTES min"
  fi
fi

if [ "$SECONDS_LEFT" -ne 0 ]; then
  if [ -n "$RESULT" ]; then
    RESULT="$RESULT $SECONDS_LEFT s"
  else
    RESULT="$SECONDS_LEFT s"
  fi
fi

if [ -z "$RESULT" ]; then
  RESULT='0 s'
fi

echo "$RESULT"
