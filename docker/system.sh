#!/bin/sh
# As root: the system's packages, and (with a numeric id as argument) a user ai4sim who owns it.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends ca-certificates git python3 python3-pip python3-venv
apt-get clean
rm -rf /var/lib/apt/lists/*

if [ $# -gt 0 ]; then
    # Ubuntu's image comes with a user of id 1000.
    taken="$(getent passwd "$1" | cut -d : -f 1)"
    if [ -n "$taken" ]; then
        userdel --remove "$taken"
    fi
    useradd --create-home --shell /bin/bash --uid "$1" ai4sim
    mkdir -p /home/ai4sim/ai4sim
    chown "$1" /home/ai4sim/ai4sim
fi
