# Sourced by quickstart.sh and test.sh: collects what this machine lacks, and installs it with apt-get.

packages=()

need_command() { # need_command PROGRAM PACKAGE
  type -P "$1" >/dev/null || [[ -x /usr/sbin/$1 ]] || packages+=("$2")
}

need_library() { # need_library SONAME PACKAGE
  grep -qF "$1 " <<<"${libraries:=$(/sbin/ldconfig -p 2>/dev/null)}" || packages+=("$2")
}

need_file() { # need_file PATTERN PACKAGE
  compgen -G "$1" >/dev/null || packages+=("$2")
}

dotnet_is_there() { command -v dotnet >/dev/null && dotnet --list-sdks 2>/dev/null | grep -q '^10\.'; }

# Debian's own archive has no .NET; Microsoft's has, and describes itself in a package.
add_dotnet_archive() {
  local id version package
  id=$(. /etc/os-release && echo "$ID") version=$(. /etc/os-release && echo "$VERSION_ID")
  package=$(mktemp --suffix=.deb)
  echo "adding Microsoft's package archive for $id $version, which has the .NET 10 SDK"
  curl -fsSL --max-time 60 -o "$package" "https://packages.microsoft.com/config/$id/$version/packages-microsoft-prod.deb" &&
    "${sudo[@]}" dpkg -i "$package" >/dev/null && "${sudo[@]}" apt-get -qq update
  local status=$?
  rm -f "$package"
  return $status
}

# install_missing SCRIPT: installs the collected packages and the .NET 10 SDK, saying so; fails with one line where it cannot.
install_missing() {
  local script=$1 all
  sudo=()
  if [[ $(id -u) != 0 ]]; then command -v sudo >/dev/null && sudo=(sudo); fi
  dotnet_is_there || packages+=(dotnet-sdk-10.0)
  ((${#packages[@]})) || return 0
  mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
  all=${packages[*]}
  command -v apt-get >/dev/null || { echo "$script: this machine has no apt-get; install these yourself and run again: $all" >&2; return 1; }
  [[ $(id -u) == 0 || ${#sudo[@]} -gt 0 ]] || { echo "$script: not root, and there is no sudo; ask for these packages to be installed: $all" >&2; return 1; }
  echo "installing with apt-get: $all"
  "${sudo[@]}" apt-get -qq update
  # A server of our own is started where one is needed; Debian's package would make and start a cluster beside it.
  if [[ " $all " == *" postgresql "* && ! -e /etc/postgresql-common/createcluster.conf ]]; then
    "${sudo[@]}" mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' | "${sudo[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
  fi
  local install=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends)
  if ! dotnet_is_there && ! apt-cache show dotnet-sdk-10.0 >/dev/null 2>&1; then
    command -v curl >/dev/null || "${install[@]}" curl ca-certificates >/dev/null 2>&1
    add_dotnet_archive ||
      { echo "$script: the .NET 10 SDK is missing and no archive here has dotnet-sdk-10.0; install it as https://learn.microsoft.com/dotnet/core/install/linux says, then run again" >&2; return 1; }
  fi
  "${install[@]}" "${packages[@]}" >/dev/null || { echo "$script: apt-get could not install $all" >&2; return 1; }
  libraries=''
}
