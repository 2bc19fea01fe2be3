using System.IO.Pipes;
using NixFuseStore.Server.Base;
using Xunit;

namespace NixFuseStore.Server.Tests.Base;

/// <summary>A log that is not read stops no writer; what it misses is counted, and it goes on when it is read again.</summary>
public sealed class LineQueueTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(60);

    [Fact]
    public void Write_KeepsOrder()
    {
        var output = new StringWriter();
        using (var lines = new LineQueue(output))
        {
            for (var i = 0; i < 100; i++)
            {
                lines.Write($"line {i}");
            }

            Assert.True(lines.Flush(Soon));
        }

        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"line {i}"), output.ToString().TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public async Task Write_PipeThatIsNotRead_NeverBlocks_AndTellsWhatWasDropped()
    {
        // A real pipe: 64 KiB, then write(2) blocks.
        await using var reading = new AnonymousPipeServerStream(PipeDirection.In);
        await using var writing = new StreamWriter(new AnonymousPipeClientStream(PipeDirection.Out, reading.ClientSafePipeHandle));
        using var lines = new LineQueue(writing);
        const int Written = 50_000;

        var writer = Task.Run(() =>
        {
            for (var i = 0; i < Written; i++)
            {
                lines.Write($"line {i} ".PadRight(100, '.'));
            }
        }, TestContext.Current.CancellationToken);
        await writer.WaitAsync(Soon, TestContext.Current.CancellationToken);
        Assert.True(lines.Dropped > 0);
        Assert.False(lines.Flush(TimeSpan.FromMilliseconds(50)));

        // Read again: every line is there, or counted.
        using var reader = new StreamReader(reading);
        var (whole, told) = (0, 0L);
        while (whole + told < Written)
        {
            var line = await reader.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Soon, TestContext.Current.CancellationToken);
            if (line!.StartsWith("line ", StringComparison.Ordinal))
            {
                whole++;
            }
            else
            {
                Assert.Contains("log lines dropped here", line, StringComparison.Ordinal);
                told += long.Parse(line.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
            }
        }

        Assert.Equal(Written, whole + told);
        lines.Write("after");
        Assert.Equal("after", await reader.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Soon, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Dispose_PipeThatIsNotRead_EndsSoon()
    {
        await using var reading = new AnonymousPipeServerStream(PipeDirection.In);
        await using var writing = new AnonymousPipeClientStream(PipeDirection.Out, reading.ClientSafePipeHandle);

        // Not disposed: it holds text that its pipe does not take any more.
        var lines = new LineQueue(new StreamWriter(writing));
        for (var i = 0; i < 2_000; i++)
        {
            lines.Write("line".PadRight(100, '.'));
        }

        await Task.Run(lines.Dispose, TestContext.Current.CancellationToken).WaitAsync(Soon, TestContext.Current.CancellationToken);

        // The thread's write fails, and the stream can be closed.
        reading.Dispose();
        Assert.True(lines.Flush(Soon));
    }

    [Fact]
    public void Write_LogThatIsGone_GoesOn()
    {
        var output = new StreamWriter(new MemoryStream());
        output.Dispose();
        using var lines = new LineQueue(output);

        lines.Write("into nothing");

        Assert.True(lines.Flush(Soon));
    }
}
