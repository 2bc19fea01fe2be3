using NixFuseStore.Client.Roots;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Tests.Roots;

public sealed class RootLedgerTests
{
    private static readonly StorePath A = StorePath.ParseBaseName("00000000000000000000000000000000-a");
    private static readonly StorePath B = StorePath.ParseBaseName("11111111111111111111111111111111-b");

    private readonly RootLedger _ledger = new(rootsMax: 10);

    [Fact]
    public void Root_HeldTwice_IsSentOnceAndReleasedWithTheLast()
    {
        Assert.True(_ledger.Hold(A));
        Assert.True(_ledger.Hold(A));
        Send(A);
        Assert.True(_ledger.IsComplete);

        _ledger.Release(A);
        Assert.False(_ledger.HasReleased);
        _ledger.Release(A);
        Assert.True(_ledger.IsUnused);
        Assert.Equal([A], _ledger.TakeReleased(10));
        _ledger.Finish([A], kept: false);

        Assert.True(_ledger.IsComplete);
        _ledger.Hold(A);
        Assert.False(_ledger.IsComplete);
    }

    [Fact]
    public void Root_ReleasedBeforeItIsSent_IsNeverSent()
    {
        _ledger.Hold(A);
        _ledger.Release(A);

        Assert.Empty(_ledger.TakeUnsent(10));
        Assert.False(_ledger.HasReleased);
    }

    [Fact]
    public void Root_ReleasedWhileItIsSent_IsReleasedAfterwards()
    {
        _ledger.Hold(A);
        var batch = _ledger.TakeUnsent(10);
        _ledger.Release(A);
        Assert.False(_ledger.HasReleased);

        _ledger.Finish(batch, kept: true);

        Assert.Equal([A], _ledger.TakeReleased(10));
    }

    [Fact]
    public void Root_HeldAgainWhileItIsRemoved_IsSentAgain()
    {
        _ledger.Hold(A);
        Send(A);
        _ledger.Release(A);
        var batch = _ledger.TakeReleased(10);
        _ledger.Hold(A);
        Assert.False(_ledger.IsComplete);

        _ledger.Finish(batch, kept: false);

        Send(A);
    }

    [Fact]
    public void Root_HeldAgainBeforeItIsRemoved_Stays()
    {
        _ledger.Hold(A);
        Send(A);
        _ledger.Release(A);
        _ledger.Hold(A);

        Assert.Empty(_ledger.TakeReleased(10));
        Assert.True(_ledger.IsComplete);
    }

    [Fact]
    public void CallsThatFail_ChangeNothing()
    {
        _ledger.Hold(A);
        _ledger.Hold(B);
        _ledger.Finish(_ledger.TakeUnsent(1), kept: false);
        Send(A, B);

        _ledger.Release(A);
        _ledger.Finish(_ledger.TakeReleased(10), kept: true);

        Assert.Equal([A], _ledger.TakeReleased(10));
    }

    [Fact]
    public void SessionGone_WhatIsHeldIsSentAgain()
    {
        _ledger.Hold(A);
        _ledger.Hold(B);
        Send(A, B);
        _ledger.Release(A);

        _ledger.ForgetKept();

        Assert.False(_ledger.HasReleased);
        Send(B);
    }

    [Fact]
    public void MoreThanAreCounted_AreSentAndEndWithTheSession()
    {
        var ledger = new RootLedger(rootsMax: 1);
        Assert.True(ledger.Hold(A));
        Assert.False(ledger.Hold(B));
        Assert.Equal(new[] { A, B }.Order(), ledger.TakeUnsent(10).Order());
        ledger.Finish([A, B], kept: true);
        Assert.True(ledger.IsComplete);

        ledger.Release(A);

        Assert.True(ledger.IsUnused);
        Assert.Equal([A], ledger.TakeAll());
        Assert.False(ledger.IsComplete);
        ledger.Finish([A], kept: false);
        Assert.True(ledger.IsComplete);
    }

    private void Send(params StorePath[] expected)
    {
        var batch = _ledger.TakeUnsent(10);
        Assert.Equal(expected.Order(), batch.Order());
        _ledger.Finish(batch, kept: true);
    }
}
