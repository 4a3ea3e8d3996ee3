# Makes the virtual environment that the scripts beside this file run in. Meant to be sourced:
#
#   . scripts/environment.sh && ensure_environment serve    # what the service needs
#   . scripts/environment.sh && ensure_environment test     # also what tests, checks and training need
#
# Messages go to stderr: stdout belongs to the command that runs afterwards.

repository="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)"
venv="$repository/.venv"

# Where these have no wheel, a clear error beats a compiler that runs for minutes and then fails. jieba is published
# as source only, and is plain Python.
compiled=numpy,onnxruntime,pyarrow,opencc,msgspec,pydantic-core,httptools,uvloop,torch,scipy,scikit-learn,tokenizers

say() {
    printf '%s\n' "$*" >&2
}

# What an installation depends on. The place is part of it, because an environment does not survive a move.
wanted_stamp() {
    {
        printf '%s\n' "$repository"
        cat -- "$repository/pyproject.toml" "$repository/constraints.txt"
    } | cksum
}

is_installed() {
    local stamp
    stamp="$(wanted_stamp)"
    # What tests need includes what the service needs.
    [ "$(cat -- "$venv/.installed-test" 2>/dev/null)" = "$stamp" ] && return 0
    [ "$1" = serve ] && [ "$(cat -- "$venv/.installed-serve" 2>/dev/null)" = "$stamp" ]
}

# Prints the first Python that is new enough and can make environments. Each is run, because a name on the PATH may be
# a stand-in of a version manager that leads nowhere.
find_python() {
    local candidate
    for candidate in python3.11 python3.12 python3.13 python3 python3.14 python; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

make_venv() {
    local python
    # Also true for one that was left half made.
    if "$venv/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        return 0
    fi
    if ! python="$(find_python)"; then
        say "Python 3.11 or newer with its venv module is needed, and none was found on the PATH."
        say "On Debian and Ubuntu: apt-get install python3-venv"
        return 1
    fi
    "$python" -m venv --clear "$venv"
}

pip_install() {
    "$venv/bin/python" -m pip install --quiet --no-input --disable-pip-version-check \
        --only-binary "$compiled" -c "$repository/constraints.txt" "$@" >&2
}

install() {
    say "Installing into $venv (once; the next start is immediate) ..."
    make_venv || return
    if [ "$1" = test ]; then
        # Alone and first, so that nothing else can choose another build of it.
        pip_install torch==2.13.0 || return
        pip_install -e "$repository[dev,train]" || return
    else
        # Most of what comes along is never imported, so compiling it all would double the time of the first start.
        pip_install --no-compile -e "$repository" || return
    fi
    wanted_stamp >"$venv/.installed-$1"
}

# Args: serve or test. Ends with 3, "could not start", when it fails. Two at once are safe where flock exists: the second waits and finds the work done.
ensure_environment() {
    is_installed "$1" && return 0
    (
        if command -v flock >/dev/null 2>&1; then
            flock 9
        fi
        is_installed "$1" || install "$1" || exit 3
    ) 9<"$repository/pyproject.toml"
}
