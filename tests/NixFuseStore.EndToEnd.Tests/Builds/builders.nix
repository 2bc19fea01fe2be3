# Builders that fail, wait, look around or leave what a store does not take. The salt is in every builder's environment, by which a test
# knows its processes, and another salt gives every derivation another path.
{ bash, coreutils, salt, hidden ? "", count ? 6, seconds ? "1", python ? "" }:
let
  path = builtins.storePath;
  build = name: extra: text: derivation ({
    inherit name salt;
    system = builtins.currentSystem;
    builder = path bash + "/bin/bash";
    # bash becomes its last command. Nix kills a builder that has closed its output, as coreutils do shortly before they end.
    args = [ "-e" "-u" "-c" ("PATH=${path coreutils}/bin\n" + text + "\n:") ];
  } // extra);
in
rec {
  # --- failures ---
  broken = build "broken" { } ''
    for i in {1..12}; do echo "line $i of broken"; done
    exit 3
  '';
  brokenSlowly = build "broken-slowly" { } ''
    for i in {1..12}; do echo "line $i of broken"; done
    sleep 4
    exit 3
  '';
  severalBroken = build "several-broken" { } "echo ${toString (builtins.genList (i: build "bad-${toString i}" { } "exit 1") 4)} > $out";
  dependent = build "dependent" { } "echo dependent runs; echo ${broken} > $out";
  independent = build "independent" { } "echo independent runs; echo done > $out";
  both = build "both" { } "echo ${dependent} ${independent} > $out";
  wrongHash = build "wrong-hash-${salt}" {
    outputHashMode = "flat";
    outputHashAlgo = "sha256";
    outputHash = builtins.hashString "sha256" "what was expected";
  } "echo -n 'what came' > $out";
  brokenAndWrongHash = build "broken-and-wrong-hash" { } "echo ${broken} ${wrongHash} > $out";
  tooLong = build "too-long" { } "echo waiting; sleep 600";

  # --- what outputs may hold ---
  unreadable = build "unreadable" { } ''
    mkdir -p $out/folder
    echo secret > $out/folder/file
    echo program > $out/program
    chmod 0 $out/folder/file
    chmod 0711 $out/program
    chmod 0 $out/folder
  '';
  setuid = build "setuid" { } ''
    mkdir $out
    echo program > $out/program
    chmod 4755 $out/program || echo refused > $out/setuid
    chmod 2755 $out/program || echo refused > $out/setgid
  '';
  fifo = build "fifo" { } "mkdir $out; mkfifo $out/pipe";
  leftOut = build "left-out" { } "echo nothing is made";

  # --- where ---
  special = build "special" { requiredSystemFeatures = [ "special" ]; } "echo special begins; echo done > $out";
  foreign = build "foreign" { system = "riscv64-linux"; } "echo done > $out";

  # --- what builders say of themselves ---
  phases = build "phases" { } ''
    echo '@nix { "action": "setPhase", "phase": "unpackPhase" }'
    echo "unpacking"
    echo '@nix { "action": "setPhase", "phase": "buildPhase" }'
    echo "building, and @nix { is no phase"
    echo done > $out
  '';

  # --- limits ---
  manyProcesses = build "many-processes" { } ''
    for i in {1..200}; do sleep 30 & done
    echo all run
    echo done > $out
  '';
  muchMemory = build "much-memory" { } ''
    echo begins
    x=0123456789abcdef
    while true; do x=$x$x$x$x; done
  '';

  # --- the sandbox ---
  looksAround = build "looks-around" { inherit hidden; } ''
    mkdir $out
    id -u > $out/user
    id -g > $out/group
    ls -A / > $out/root
    ls -A /etc > $out/etc
    ls -A /nix > $out/nix
    ls -A /nix/store > $out/store
    cat /proc/net/dev > $out/network
    for process in /proc/[0-9]*; do echo "''${process#/proc/}"; done > $out/processes
    for file in $hidden; do if test -e "$file"; then echo "$file"; fi; done > $out/seen
    # Long enough for the test to look at it from outside.
    sleep 2
  '';

  # --- time ---
  number = build "number" { } ''
    echo "number begins"
    sleep 3
    echo "number is $RANDOM$RANDOM$RANDOM" | tee $out
  '';
  # Its helper is in a process group of its own and outlives its parent, as a test server does that nobody ends.
  endless = build "endless" { } ''
    set -m
    (nohup sleep 3600 > /dev/null 2>&1 &)
    echo "endless begins"
    sleep 3600
  '';
  # A line a second, for some time.
  slow = build "slow" { } ''
    for i in {1..8}; do echo "line $i of slow"; sleep 1; done
    echo "slow is $RANDOM$RANDOM" | tee $out
  '';
  # Two outputs of one execution, which no other execution makes again.
  pair = build "pair" { outputs = [ "out" "dev" ]; } ''
    echo "pair begins"
    sleep 3
    echo "$RANDOM$RANDOM$RANDOM" | tee $out > $dev
    cat $out
  '';

  # --- many ---
  # Each needs the one before it and one in the middle.
  nodes = builtins.genList (i: build "node-${toString i}" { } ''
    echo "node ${toString i} begins${if i == 0 then "" else " after ${builtins.elemAt nodes (i - 1)} ${builtins.elemAt nodes (i / 2)}"}"
    sleep 0.3
    echo "node ${toString i} is $RANDOM$RANDOM" | tee $out
  '') count;
  independents = builtins.genList (i: build "step-${toString i}" { } "sleep ${seconds}; echo $RANDOM > $out") count;
  graph = build "graph" { } "echo ${builtins.concatStringsSep " " (map toString nodes)} > $out";
  steps = build "steps" { } "echo ${builtins.concatStringsSep " " (map toString independents)} > $out";

  # --- faults ---
  # Two outputs of one execution, which takes as long as is wanted.
  timed = build "timed" { outputs = [ "out" "dev" ]; } ''
    echo "timed begins"
    sleep ${seconds}
    echo "$RANDOM$RANDOM$RANDOM" | tee $out > $dev
    echo "timed is $(cat $out)"
  '';
  # The programs that timed runs, so that a host has them in its cache.
  warm = build "warm" { } "sleep 0; echo ${toString count} | tee $out; cat $out";
  # Two outputs whose bytes are in no store yet, so that all of them are sent.
  big = build "big" { outputs = [ "out" "dev" ]; } ''
    echo "big begins"
    head -c ${toString count}M /dev/urandom > $out
    head -c ${toString count}M /dev/urandom > $dev
    echo "big is made"
  '';
  # Prints and sleeps a little, as each of its fellows does.
  fellows = builtins.genList (i: build "fellow-${toString i}" { } ''
    for i in 1 2 3; do echo "fellow ${toString i} prints $i"; sleep 0.2; done
    (for i in {1..5}; do :; done)
    echo $RANDOM > $out
  '') count;
  fellowship = build "fellowship" { } "echo ${builtins.concatStringsSep " " (map toString fellows)} > $out";

  # --- builders that mean harm ---
  manyChildren = build "many-children" { } ''
    set -m
    for i in {1..200}; do (nohup sleep 3600 > /dev/null 2>&1 &); done
    echo done > $out
  '';
  talkative = build "talkative" { } ''
    for i in {1..${toString count}}; do printf '%01000000d\n' "$i"; done
    echo done > $out
  '';
  longLine = build "long-line" { } "head -c ${toString count}M /dev/zero | tr '\\0' x; echo done > $out";
  device = build "device" { } ''
    mkdir $out
    mknod $out/null c 1 3 || echo refused > $out/answer
  '';
  socket = build "socket" { } ''
    mkdir $out
    ${path python}/bin/python3 -c "import os, socket; os.chdir('$out'); socket.socket(socket.AF_UNIX).bind('door')"
  '';
  closed = build "closed" { } ''
    mkdir -p $out/folder/inner
    echo secret > $out/folder/inner/file
    chmod 0 $out/folder/inner/file $out/folder/inner $out/folder $out
  '';
  oddNames = build "odd-names" { } ''
    mkdir $out
    echo 1 > $out/name
    echo 2 > $out/NAME
    echo 3 > $out/$'new\nline'
    echo 4 > $out/$'\xff\xfe'
    echo 5 > $out/$(printf 'x%.0s' {1..255})
    ln -s /nonexistent/$(printf 'y%.0s' {1..3000}) $out/nowhere
  '';
  deep = build "deep" { } ''
    mkdir $out; cd $out
    name=$(printf 'd%.0s' {1..200})
    for i in {1..40}; do mkdir $name; cd $name; done
  '';
  crash = build "crash" { } "echo crash begins; (kill -SEGV $BASHPID; :)";
  forbidden = build "forbidden" { allowedReferences = [ ]; } "echo ${path bash} > $out";
  stray = build "stray" { inherit hidden; } ''
    for file in $hidden; do echo stray > $file || true; done
    echo done > $out
  '';
  linked = build "linked" { } "ln ${path bash}/bin/bash $out || { echo 'no link'; exit 1; }";
  sparse = build "sparse" { } "truncate -s ${toString count}M $out";
}
