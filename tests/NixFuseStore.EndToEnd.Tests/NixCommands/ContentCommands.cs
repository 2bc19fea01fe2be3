namespace NixFuseStore.EndToEnd.Tests.NixCommands;

/// <summary>Commands that read, prove and sign what is in the store.</summary>
internal static class ContentCommands
{
    private const string PublicKey = "test-key-1:d1EwWLoRmUN5PLnoiQEsFyMQkXZzQkxOdO+7J1JZ4/w=";
    private const string SecretKey = "test-key-1:EZkVpN96semNNNgYoh8/9bHoESQ01MXuQpKN7yZOaM53UTBYuhGZQ3k8ueiJASwXIxCRdnNCTE5077snUlnj/A==";

    public static NixCommand[] All { get; } =
    [
        new("nix-store --dump", run =>
        {
            // It takes a file's path as it is, not a store path.
            run.AtTarget("nix-store --dump " + run.Target.Root + run.Source["DEP"], outputFile: run.Scratch("dump")).Succeeded();
            run.AssertNar(run.Scratch("dump"), "DEP");
        }),
        new("nix store dump-path TOP", run =>
        {
            run.AtTarget("nix store dump-path TOP", outputFile: run.Scratch("dump-path")).Succeeded();
            run.AssertNar(run.Scratch("dump-path"), "TOP");
        }),
        NixCommand.Same("nix store ls -lR DEP"),
        NixCommand.Same("nix store ls --json -R DEP"),
        new("nix store cat DEP/self", run => Assert.Equal(
            run.Source["DEP"] + "\n", run.AtTarget("nix store cat " + run.Source["DEP"] + "/self").Succeeded())),
        NixCommand.Same("nix why-depends TOP DEP"),
        new("nix-store --verify-path TOP", run =>
        {
            run.AtTarget("nix-store --verify-path TOP LIB").Succeeded();
            Assert.Equal(1, run.AtTarget("nix-store --verify-path MISSING").Status);
        }),
        new("nix store verify -r --no-trust TOP", run =>
        {
            run.AtTarget("nix store verify -r --no-trust TOP").Succeeded();
            Assert.NotEqual(0, run.AtTarget("nix store verify -r --no-trust MISSING").Status);
        }),
        new("nix store sign", run =>
        {
            run.AtTarget($"nix copy --no-check-sigs --from {run.Source.Root} SIGNED").Succeeded();
            var trust = "trusted-public-keys = " + PublicKey;
            var unsigned = run.AtTarget("nix store verify SIGNED", trust);
            Assert.NotEqual(0, unsigned.Status);
            Assert.Contains("untrusted", unsigned.Errors, StringComparison.Ordinal);

            run.AtTarget("nix store sign --key-file " + run.ScratchFile("key", SecretKey) + " SIGNED").Succeeded();
            run.AtTarget("nix store verify SIGNED", trust).Succeeded();
            Assert.Contains("test-key-1:", run.AtTarget("nix path-info --sigs SIGNED").Succeeded(), StringComparison.Ordinal);
        }),
        new("nix store copy-log, nix log, nix-store --read-log", run =>
        {
            run.AtTarget($"nix copy --no-check-sigs --from {run.Source.Root} LOGGED").Succeeded();
            run.AtTarget($"nix copy --no-check-sigs --from {run.Source.Root} --derivation LOGGED.drv").Succeeded();
            Assert.NotEqual(0, run.AtTarget("nix log LOGGED").Status);
            run.AtSource($"nix store copy-log --to {run.Target.Url} LOGGED.drv").Succeeded();
            foreach (var line in new[] { "nix log LOGGED", "nix log LOGGED.drv", "nix-store --read-log LOGGED" })
            {
                Assert.Equal("building logged\n", run.AtTarget(line).Succeeded());
            }
        }),
        NixCommand.Same("nix show-derivation TOP.drv"),
    ];
}
