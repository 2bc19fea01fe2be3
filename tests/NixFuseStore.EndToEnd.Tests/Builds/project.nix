# A small project as people build them: fetched data, a C library, programs, a Python package, tests and what gathers it all.
# Its tools are store paths, because a store that Debian packages were made into has no derivations to depend on.
# Another salt gives every derivation another path and changes nothing else.
{ bash, coreutils, gcc, python, salt ? "" }:
let
  path = builtins.storePath;
  tools = builtins.concatStringsSep ":" (map (tool: path tool + "/bin") [ coreutils gcc python ]);
  build = name: extra: text: derivation ({
    inherit name salt;
    system = builtins.currentSystem;
    builder = path bash + "/bin/bash";
    # bash becomes its last command. Nix kills a builder that has closed its output, as coreutils do shortly before they end.
    args = [ "-e" "-u" "-c" ("PATH=${tools}\necho \"building ${name}\"\n" + text + "\n:") ];
  } // extra);
  source = ./project;
in
rec {
  # Content-addressed, and written by the evaluation: no derivation makes it.
  stamp = builtins.toFile "stamp" "built with salt '${salt}'\n";

  # Fixed-output: its hash is known before. The salt is in its name, or all salts would share one path.
  words = build "words-${salt}" {
    outputHashMode = "flat";
    outputHashAlgo = "sha256";
    outputHash = builtins.hashFile "sha256" ./project/words.txt;
  } "cat ${source}/words.txt > $out";

  # A header that is made out of data; the template comes in a file, as long texts do.
  configuration = build "configuration" {
    passAsFile = [ "template" ];
    template = "#define WORDS_FILE \"@words@\"\n";
  } ''
    mkdir -p $out/include
    text=$(<$templatePath)
    echo "''${text/@words@/${words}}" > $out/include/configuration.h
  '';

  # gcc of this store is a script that names the loader, the headers and binutils itself. Only what a project adds is given to it.
  library = build "library" { } ''
    mkdir -p $out/lib $out/include
    cp ${source}/words.h $out/include/
    gcc -O1 -shared -fPIC -I${configuration}/include -I$out/include ${source}/words.c -o $out/lib/libwords.so
  '';

  program = build "program" { } ''
    mkdir -p $out/bin
    gcc -O1 -I${library}/include ${source}/main.c -L${library}/lib -lwords -Wl,-rpath,${library}/lib -o $out/bin/count-words
  '';

  # The same sources in an archive, linked statically with the project's own library.
  archive = build "archive" { } ''
    mkdir -p $out/bin
    gcc -O1 -c -I${configuration}/include -I${library}/include ${source}/words.c -o words.o
    "$(gcc -print-prog-name=ar)" crD libwords.a words.o
    gcc -O1 -I${library}/include ${source}/main.c libwords.a -o $out/bin/count-words
  '';

  # Byte code is part of it, and its script refers to the package itself.
  package = build "package" { } ''
    mkdir -p $out/bin $out/lib/counting
    cp ${source}/counting.py $out/lib/counting/__init__.py
    python3 -m compileall -q --invalidation-mode unchecked-hash $out/lib
    printf '#!%s\nimport sys\nsys.path.insert(0, "%s/lib")\nimport counting\ncounting.main("%s")\n' \
      ${path python}/bin/python3 $out ${words} > $out/bin/count-words
    chmod +x $out/bin/count-words
  '';

  # A test: three programs agree.
  check = build "check" { } ''
    for made in ${program} ${archive} ${package}; do
      printf '%s\n' "$($made/bin/count-words)"
    done > answers
    test "$(sort -u answers)" = "4 words"
    cp answers $out
  '';

  # Two outputs, of which one refers to the other.
  split = build "split" { outputs = [ "out" "doc" ]; } ''
    mkdir -p $out/bin $doc/share
    cp ${stamp} $doc/share/manual
    printf '#!%s\nexec %s/bin/cat %s/share/manual\n' ${path bash}/bin/bash ${path coreutils} $doc > $out/bin/manual
    chmod +x $out/bin/manual
  '';

  # What the program needs at run time, as an image would be made.
  graph = build "graph" { exportReferencesGraph = [ "closure" program ]; } ''
    while read -r line; do
      case $line in /*) echo "$line" ;; esac
    done < closure | sort -u > $out
  '';

  # Attributes as JSON and as shell variables instead of the environment. In a sandbox of Nix 2.8 NIX_ATTRS_SH_FILE names a file outside
  # of it, so that the files are found as older builders find them: in the folder where the builder starts.
  structured = build "structured" {
    __structuredAttrs = true;
    numbers = [ 1 2 3 ];
    nested = { program = "${program}"; };
    outputs = [ "out" "dev" ];
  } ''
    source ./.attrs.sh
    mkdir -p ''${outputs[out]} ''${outputs[dev]}
    echo "''${numbers[@]}" "''${nested[program]}" > ''${outputs[out]}/values
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["numbers"])' .attrs.json > ''${outputs[dev]}/json
  '';

  # A program that reads what the others made and sorts it.
  report = build "report" { } ''
    python3 - ${graph} ${check} > $out <<'EOF'
    import sys
    for name in sys.argv[1:]:
        print(*(line.strip().split("-", 1)[-1] for line in open(name)))
    EOF
  '';

  all = build "all" { } ''
    mkdir -p $out/bin
    ln -s ${program}/bin/count-words $out/bin/count-words
    ln -s ${package}/bin/count-words $out/bin/count-words-py
    ln -s ${split}/bin/manual $out/bin/manual
    for made in ${stamp} ${words} ${archive} ${check} ${graph} ${structured} ${structured.dev} ${report}; do
      echo $made
    done > $out/parts
  '';
}
