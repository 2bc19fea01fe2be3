# Derivations whose outputs' paths depend on their content ("floating"), and one whose path depends on such an input ("deferred"). The variant
# changes what derivations say, and not what they make.
{ bash, coreutils, salt, hidden ? "", variant ? "1" }:
let
  path = builtins.storePath;
  build = name: extra: text: derivation ({
    inherit name salt;
    system = builtins.currentSystem;
    builder = path bash + "/bin/bash";
    args = [ "-e" "-u" "-c" ("PATH=${path coreutils}/bin\n" + text + "\n:") ];
  } // extra);
  floating = { __contentAddressed = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; };
in
rec {
  # Two outputs; the second refers to the first, which refers to itself.
  library = build "ca-library" (floating // { inherit variant; outputs = [ "out" "dev" ]; }) ''
    echo "library is built"
    mkdir $out $dev
    echo "library of $salt at $out" > $out/lib
    echo "$out" > $dev/where
  '';
  # What it makes of them.
  program = build "ca-program" floating ''
    echo "program is built"
    mkdir $out
    cp ${library.dev}/where $out/where
    cat "$(cat ${library.dev}/where)/lib" > $out/text
  '';
  # An output whose path is known once the program's is.
  report = build "report" { } ''
    echo "report is built"
    echo "report on $(cat ${program}/text)" > $out
  '';
  # The same content as another's, under another derivation.
  first = build "same" floating "echo one $salt > $out";
  second = build "same" (floating // { second = "yes"; }) "echo one $salt > $out";
  same = build "ca-same" floating "cat ${first} ${second} > $out";
  # Another content each time.
  random = build "ca-random" (floating // { outputs = [ "out" "dev" ]; }) ''
    echo "random begins"
    sleep 2
    echo "$RANDOM$RANDOM$RANDOM" | tee $out > $dev
    cat $out
  '';
  impure = build "ca-impure" { __impure = true; outputHashMode = "recursive"; outputHashAlgo = "sha256"; } "date +%N > $out";
  broken = build "ca-broken" floating "echo broken; exit 3";
}
