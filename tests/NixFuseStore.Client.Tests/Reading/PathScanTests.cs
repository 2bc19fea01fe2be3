using System.Globalization;
using NixFuseStore.Client.Prefetch;

namespace NixFuseStore.Client.Tests.Reading;

/// <summary>When a program counts as one that goes through the store in the order of names, and what is listed for it.</summary>
public sealed class PathScanTests
{
    private readonly PathScan _scan = new();

    [Fact]
    public void Entered_NeighboursInOrder_AsksWhatFollowsThem()
    {
        Assert.All(Enumerable.Range(0, 3), i => Assert.Null(_scan.OnEntered(Name(i), read: false)));

        var step = _scan.OnEntered(Name(3), read: false)!.Value;

        Assert.Equal((Name(0), true, false), (step.After, step.IsCheck, step.WithContent));
        Assert.Equal(Names(4, step.Limit - 3), _scan.OnListed(step, Names(1, step.Limit)));
    }

    [Fact]
    public void Entered_WhatWasListed_AsksForMoreBeforeItEnds()
    {
        var (next, steps) = (Begin(), new List<ScanStep>());
        for (var i = 4; i < 1_000; i++)
        {
            if (_scan.OnEntered(Name(i), read: false) is { } step)
            {
                steps.Add(step);
                Assert.Equal(Name(next - 1), step.After);
                Assert.True(i < next, "all that was listed was entered already");
                next += _scan.OnListed(step, Names(next, step.Limit)).Count;
            }
        }

        Assert.InRange(steps.Count, 5, 20);
        Assert.Equal(256, steps[^1].Limit);
    }

    [Fact]
    public void Entered_PathsAreRead_ContentIsWanted()
    {
        ScanStep? step = null;
        for (var i = 0; i < 4; i++)
        {
            step ??= _scan.OnEntered(Name(i), read: false);
            Assert.Null(_scan.OnEntered(Name(i), read: true));
        }

        Assert.True(step?.WithContent);
    }

    [Fact]
    public void Entered_FarApart_AsksLessAndLess()
    {
        var asked = 0;
        for (var i = 0; i < 1_000; i++)
        {
            if (_scan.OnEntered(Name(i * 1_000), read: false) is { } step)
            {
                asked++;
                Assert.Empty(_scan.OnListed(step, Names((i - 3) * 1_000 + 1, step.Limit)));
            }
        }

        Assert.InRange(asked, 1, 20);
    }

    [Fact]
    public void Entered_InNoOrder_AsksNothing()
    {
        for (var i = 1_000; i > 0; i--)
        {
            Assert.Null(_scan.OnEntered(Name(i), read: true));
        }
    }

    [Fact]
    public void Entered_HardlyAnyOfWhatWasListed_Ends()
    {
        var next = Begin();
        var asked = 0;
        for (var i = 4; i < 3_000; i += 15)
        {
            if (_scan.OnEntered(Name(i), read: false) is { } step)
            {
                asked++;
                next += _scan.OnListed(step, Names(next, step.Limit)).Count;
            }
        }

        Assert.InRange(asked, 0, 10);
    }

    [Fact]
    public void Failed_BeginsAnew()
    {
        Begin();
        _scan.OnFailed();

        Assert.All(Enumerable.Range(10, 7), i => Assert.Null(_scan.OnEntered(Name(i), read: false)));
        Assert.NotNull(_scan.OnEntered(Name(17), read: false));
    }

    [Fact]
    public void Listed_TheEndOfTheStore_AsksNoMore()
    {
        for (var i = 0; i < 3; i++)
        {
            _scan.OnEntered(Name(i), read: false);
        }

        var step = _scan.OnEntered(Name(3), read: false)!.Value;
        Assert.Equal(Names(4, 2), _scan.OnListed(step, Names(1, 5)));
        Assert.All(Enumerable.Range(4, 2), i => Assert.Null(_scan.OnEntered(Name(i), read: false)));
    }

    // Enters four neighbours; returns the number of the first that was not listed.
    private int Begin()
    {
        for (var i = 0; i < 3; i++)
        {
            _scan.OnEntered(Name(i), read: false);
        }

        var step = _scan.OnEntered(Name(3), read: false)!.Value;
        return 4 + _scan.OnListed(step, Names(1, step.Limit)).Count;
    }

    private static string[] Names(int first, int count) => [.. Enumerable.Range(first, count).Select(Name)];

    private static string Name(int i) => i.ToString("D8", CultureInfo.InvariantCulture) + "-path";
}
