using System.Net.Sockets;
using NixFuseStore.Storage.Base;

namespace NixFuseStore.Storage.Tests;

/// <summary>Background loops outlive whatever a round fails of.</summary>
public sealed class SupervisedLoopTests
{
    public static TheoryData<Exception> Failures =>
    [
        new IOException("Too many open files", 24),
        new InsufficientMemoryException("Out of memory"),
        new SocketException((int)SocketError.TooManyOpenSockets),
        new InvalidOperationException("a bug"),
        new OperationCanceledException("of a call that was given up"),
    ];

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task Run_RoundFails_IsToldAndComesAgain(Exception failure)
    {
        using var stopping = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var (rounds, told) = (0, new List<string>());

        await SupervisedLoop.RunAsync(
            "the loop",
            _ =>
            {
                rounds++;
                if (rounds == 3)
                {
                    stopping.Cancel();
                }

                return rounds == 1 ? throw failure : Task.CompletedTask;
            },
            TimeSpan.FromMilliseconds(1),
            TimeProvider.System,
            (name, reason) => told.Add($"{name}: {reason}"),
            stopping.Token);

        Assert.Equal(3, rounds);
        Assert.Equal([$"the loop: {failure.Message}"], told);
    }

    [Fact]
    public async Task Run_LogFails_GoesOn()
    {
        using var stopping = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var rounds = 0;

        await SupervisedLoop.RunAsync(
            "the loop",
            _ =>
            {
                if (++rounds == 2)
                {
                    stopping.Cancel();
                }

                throw new IOException("no");
            },
            TimeSpan.FromMilliseconds(1),
            TimeProvider.System,
            (_, _) => throw new IOException("the log is gone"),
            stopping.Token);

        Assert.Equal(2, rounds);
    }
}
