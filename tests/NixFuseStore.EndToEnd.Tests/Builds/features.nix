# One derivation for each thing that a client may ask of builds.
{ bash, coreutils, salt, hidden ? "" }:
let
  path = builtins.storePath;
  build = name: extra: text: derivation ({
    inherit name salt;
    system = builtins.currentSystem;
    builder = path bash + "/bin/bash";
    args = [ "-e" "-u" "-c" ("PATH=${path coreutils}/bin\n" + text + "\n:") ];
  } // extra);
in
rec {
  plain = build "plain" { } "echo plain is built; echo plain > $out";
  user = build "user" { } "echo user is built; cat ${plain} > $out";
  cores = build "cores" { } "echo $NIX_BUILD_CORES > $out";
  silent = build "silent" { } "echo waiting; sleep 60";
  talkative = build "talkative" { } "for i in {1..500}; do echo a line of twenty or so; done; echo done > $out";
  random = build "random" { } "echo $RANDOM$RANDOM$RANDOM > $out";
  fails = build "fails" { } "echo what it had > file; exit 3";
  fetched = build "fetched-${salt}" {
    outputHashMode = "flat";
    outputHashAlgo = "sha256";
    outputHash = builtins.hashString "sha256" "known";
  } ''while read -r line; do echo "interface $line"; done < /proc/net/dev; echo -n known > $out'';
  graph = build "graph" { exportReferencesGraph = [ "graph" (path coreutils) ]; } "cp graph $out";
  # Nix 2.8 says the file's path as it is outside of the sandbox ($NIX_ATTRS_SH_FILE).
  structured = derivation {
    name = "structured";
    __structuredAttrs = true;
    inherit salt;
    system = builtins.currentSystem;
    builder = path bash + "/bin/bash";
    outputs = [ "out" "doc" ];
    list = [ "one" "two words" ];
    args = [ "-e" "-c" ". ./.attrs.sh; echo \"\${list[1]}\" > \${outputs[out]}; echo doc > \${outputs[doc]}; :" ];
  };
  split = build "split" { outputs = [ "out" "dev" ]; } "echo out > $out; echo $out > $dev";
  forbidden = build "forbidden-reference" { allowedReferences = [ ]; } "echo ${plain} > $out";
  file = build "file" { } "echo '{ name = \"imported\"; }' > $out";
  fresh = build "fresh" { } "echo fresh is built; echo fresh > $out";
  imported = build (import file).name { } "echo imported > $out";
}
