#!/bin/bash
# Exits 0 when the program on this machine and its database answer. Needs bash alone: the image has no curl.
# usage: ready.sh [PORT]   (the port of LISTEN unless said, else 8080)
set -euo pipefail
listen=${LISTEN:-:8080}
port=${1:-${listen##*:}}
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r -t 4 _ status _ <&3
[ "$status" = 200 ]
