using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>Real programs run out of the mount: cold, warm, and with the server away.</summary>
public sealed class ProgramTests : EndToEndTest
{
    [Fact]
    public void Programs_RunFromTheMount_ColdAndWarmAndWithoutTheServer()
    {
        var store = RealStore.Default;
        Programs.Require("bwrap");
        var server = StartServer();
        var client = NewClient(server);
        var python = store.Package("python3");
        var node = store.Package("nodejs");
        var git = store.Package("git");
        var gcc = store.Package("gcc");
        client.Push(store, python, node, git, gcc);
        client.Mount();

        foreach (var _ in new[] { "cold", "warm" })
        {
            RunAll();
        }

        server.Stop();
        RunAll();

        void RunAll()
        {
            File.WriteAllText(Scratch + "/hello.c", "#include <stdio.h>\nint main(void) { puts(\"hello from gcc\"); return 0; }\n");
            Assert.Equal("True\n", client.RunInside(
                Scratch, python + "/bin/python3", "-c", "import json, ssl, sqlite3, decimal; print(json.loads('true'))").Succeeded());
            Assert.Equal("42\n", client.RunInside(Scratch, node + "/bin/node", "-e", "console.log(6*7)").Succeeded());
            Assert.StartsWith("git version", client.RunInside(Scratch, git + "/bin/git", "--version").Succeeded(), StringComparison.Ordinal);
            client.RunInside(Scratch, gcc + "/bin/gcc", "/tmp/hello.c", "-o", "/tmp/hello").Succeeded();
            Assert.Equal("hello from gcc\n", client.RunInside(Scratch, "/tmp/hello").Succeeded());
        }
    }
}
