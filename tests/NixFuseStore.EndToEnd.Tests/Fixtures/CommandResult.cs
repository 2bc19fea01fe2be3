namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>How a program ended and what it said.</summary>
internal sealed record CommandResult(string Line, int Status, string Output, string Errors)
{
    /// <summary>Its output, where it ended well; the test fails otherwise.</summary>
    public string Succeeded()
    {
        Assert.True(Status == 0, $"{Line}: exit status {Status}\n{Errors}{Output}");
        return Output;
    }

    /// <summary>The lines of its output, where it ended well; the test fails otherwise.</summary>
    public string[] Lines() => Succeeded().Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Its error, which has to be one line without a stack trace.</summary>
    public string FailedWithOneLine(int status = 1)
    {
        Assert.True(Status == status, $"{Line}: exit status {Status}, not {status}\n{Errors}{Output}");
        var lines = Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(lines.Length == 1, $"{Line}: more than one line of error, or none\n{Errors}");
        Assert.DoesNotContain("   at ", Errors, StringComparison.Ordinal);
        return lines[0];
    }
}
