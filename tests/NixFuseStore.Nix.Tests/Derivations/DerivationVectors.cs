using NixFuseStore.Nix.Derivations;

namespace NixFuseStore.Nix.Tests.Derivations;

/// <summary>Derivations that Nix 2.8.0 made.</summary>
internal static class DerivationVectors
{
    internal const string InputAddressedPath = "/nix/store/kf3myksh69b2qrdkjv8nwfj9wcl7pqs2-d1.drv";

    internal const string InputAddressed = """
        Derive([("out","/nix/store/ms9gvp0dr3rpypcmcc4wj0ywygmj9dk1-d1","","")],[],[],"x86_64-linux","/bin/sh",["-c","echo \"hi\" > $out"],[("builder","/bin/sh"),("name","d1"),("out","/nix/store/ms9gvp0dr3rpypcmcc4wj0ywygmj9dk1-d1"),("system","x86_64-linux")])
        """;

    internal const string FixedPath = "/nix/store/ya00ms58c98mfa61kqgq4m3lsprb150q-fod.txt.drv";

    internal const string Fixed = """
        Derive([("out","/nix/store/1ijqscvmqb6qqvnh2f9rk95bnd5w2ig8-fod.txt","sha256","5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")],[],[],"x86_64-linux","/bin/sh",["-c","echo hello > $out"],[("builder","/bin/sh"),("name","fod.txt"),("out","/nix/store/1ijqscvmqb6qqvnh2f9rk95bnd5w2ig8-fod.txt"),("outputHash","5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"),("outputHashAlgo","sha256"),("outputHashMode","flat"),("system","x86_64-linux")])
        """;

    internal const string WithInputsPath = "/nix/store/gx30927i014sppyns5075zdl0jvrk57s-d2.drv";

    internal const string WithInputs = """
        Derive([("lib","/nix/store/aakzqgv97l93kb6r4yabd5wxxlamwpkc-d2-lib","",""),("out","/nix/store/ps4g84418h0d4cavn2k8fkxgnz2p383l-d2","","")],[("/nix/store/kf3myksh69b2qrdkjv8nwfj9wcl7pqs2-d1.drv",["out"]),("/nix/store/ya00ms58c98mfa61kqgq4m3lsprb150q-fod.txt.drv",["out"])],["/nix/store/i9pmrzmpshapij2kin22pff6fc2adavx-hello.txt"],"x86_64-linux","/bin/sh",["-c","echo /nix/store/ms9gvp0dr3rpypcmcc4wj0ywygmj9dk1-d1 /nix/store/1ijqscvmqb6qqvnh2f9rk95bnd5w2ig8-fod.txt > $out; echo $out > $lib"],[("builder","/bin/sh"),("lib","/nix/store/aakzqgv97l93kb6r4yabd5wxxlamwpkc-d2-lib"),("name","d2"),("nl","a\nb\t\"q\"\\"),("out","/nix/store/ps4g84418h0d4cavn2k8fkxgnz2p383l-d2"),("outputs","out lib"),("src","/nix/store/i9pmrzmpshapij2kin22pff6fc2adavx-hello.txt"),("system","x86_64-linux")])
        """;

    internal static readonly (string Path, string Text)[] All =
        [(InputAddressedPath, InputAddressed), (FixedPath, Fixed), (WithInputsPath, WithInputs)];

    internal static Derivation Parse(string text) => Derivation.Parse(Derivation.Text.GetBytes(text));

    /// <summary>The hash as an input, found by path among the vectors.</summary>
    internal static NixHash InputHash(string path) => DerivationHash.OfInput(Parse(All.Single(vector => vector.Path == path).Text), InputHash);
}
