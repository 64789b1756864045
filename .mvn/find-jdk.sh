# Sourced by ./stowage and ./mvnw: sets JAVA_HOME to a JDK of at least version 25, or explains what is missing.
# Looks at STOWAGE_JAVA_HOME, JAVA_HOME, the java on the PATH, and the folders where installers put JDKs.

stowage_jdk_version() { # prints the feature version of the JDK in folder $1, 0 when it is none
  local line
  [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || { echo 0; return; }
  line=$(grep -m1 '^JAVA_VERSION=' "$1/release") || { echo 0; return; }
  line=${line#JAVA_VERSION=\"}
  line=${line%%[.\"+-]*}
  case $line in '' | *[!0-9]*) echo 0 ;; *) echo "$line" ;; esac
}

stowage_find_jdk() {
  local home found java candidates=()
  [ -n "${STOWAGE_JAVA_HOME:-}" ] && candidates+=("$STOWAGE_JAVA_HOME")
  [ -n "${JAVA_HOME:-}" ] && candidates+=("$JAVA_HOME")
  if java=$(command -v java) && java=$(readlink -f "$java" 2>/dev/null); then
    candidates+=("$(dirname "$(dirname "$java")")")
  fi
  for home in /usr/lib/jvm/* /usr/java/* /opt/java/* /opt/jdk* "$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/* \
    /Library/Java/JavaVirtualMachines/*/Contents/Home; do
    [ -d "$home" ] && candidates+=("$home")
  done
  for home in "${candidates[@]}"; do
    found=$(stowage_jdk_version "$home")
    if [ "$found" -ge 25 ]; then
      export JAVA_HOME=$home
      return 0
    fi
  done
  {
    echo "stowage: a JDK of version 25 or newer is needed, and none was found."
    echo "  Looked at STOWAGE_JAVA_HOME, JAVA_HOME, the java on the PATH, /usr/lib/jvm, /usr/java, /opt, ~/.sdkman and ~/.jdks."
    echo "  Install one (for example Eclipse Temurin 25), or name its folder: STOWAGE_JAVA_HOME=/path/to/jdk-25"
  } >&2
  return 1
}
