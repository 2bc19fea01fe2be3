# What the table of commands works on. It needs no packages: the machine's shell and coreutils build it.
let
  build = name: extra: text: derivation ({
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-e" "-c" ("PATH=/usr/bin:/bin\necho building ${name}\n" + text) ];
  } // extra);
in
rec {
  # A directory with a program, a link, an empty file and a reference to itself.
  dep = build "dep" { } ''
    mkdir -p $out/bin
    printf '#!/bin/sh\necho dep\n' > $out/bin/dep
    chmod +x $out/bin/dep
    ln -s bin/dep $out/run
    echo $out > $out/self
    touch $out/empty
  '';
  # Two outputs and a source; out refers to lib, lib to dep.
  top = build "top" { outputs = [ "out" "lib" ]; source = ./source; } ''
    mkdir $lib $out
    echo ${dep} > $lib/dep
    cat $source/text > $out/text
    echo $source > $out/source
    echo $lib > $out/lib
  '';
  # Paths for one command each, that no other command has put into the store under test.
  single = name: build name { } "echo ${name} ${dep} > $out";
  imported = single "imported";
  cached = single "cached";
  handed = single "handed";
  logged = single "logged";
  signed = single "signed";
  unrooted = single "unrooted";
  upstream = single "upstream";
  fetched = single "fetched";
  # Never built.
  unbuilt = build "unbuilt" { } "echo ${top} > $out";
}
