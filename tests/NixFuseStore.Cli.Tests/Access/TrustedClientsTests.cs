using NixFuseStore.Cli.Access;
using NixFuseStore.Daemon;

namespace NixFuseStore.Cli.Tests.Access;

public sealed class TrustedClientsTests
{
    private const uint MountingUser = 1000, MountingGroup = 1000, OtherUser = 1001, Wheel = 10;

    [Theory]
    [InlineData("", 0u, true, true)]
    [InlineData("", 0u, false, false)]
    [InlineData("", MountingUser, true, true)]
    [InlineData("", MountingUser, false, false)]
    [InlineData("", OtherUser, true, false)]
    [InlineData("containers", 0u, false, true)]
    [InlineData("containers", MountingUser, false, true)]
    [InlineData("containers", OtherUser, false, false)]
    [InlineData("1001", OtherUser, true, true)]
    [InlineData("1001", OtherUser, false, false)]
    [InlineData("1001 containers", OtherUser, false, true)]
    [InlineData("*", OtherUser, false, true)]
    [InlineData("none", 0u, true, false)]
    [InlineData("none", MountingUser, true, false)]
    [InlineData("nobody", 65534u, true, true)]
    [InlineData("@1001", OtherUser, true, true)]
    [InlineData("@10", OtherUser, true, true)]
    [InlineData("@10", OtherUser, false, false)]
    [InlineData("@root", OtherUser, true, false)]
    public void Client_IsTrusted_AsTheSettingSays(string names, uint user, bool sharesNamespaces, bool trusted)
    {
        var clients = TrustedClients.Parse(names.Split(' ', StringSplitOptions.RemoveEmptyEntries), MountingUser);
        var peer = new DaemonPeer(1, user, user == MountingUser ? MountingGroup : user)
        {
            SharesNamespaces = sharesNamespaces, Groups = user == OtherUser ? [Wheel] : [],
        };

        Assert.Equal(trusted, clients.Trusts(peer));
    }

    [Theory]
    [InlineData("no-such-user-here")]
    [InlineData("@no-such-group-here")]
    [InlineData("")]
    [InlineData("@")]
    [InlineData("none", "root")]
    public void Name_ThatIsNone_IsSaid(params string[] names) => Assert.Throws<FormatException>(() => TrustedClients.Parse(names, MountingUser));
}
