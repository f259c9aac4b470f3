! Fluxes and heating rates with the effects of the sides of clouds: those of Tripleclouds, read from
! a netCDF file, plus the corrections of a trained network.
!
!   radiation COLUMNS OUTPUT [NPROMA]
!
! Columns go to the network in blocks of NPROMA (32). A network returns corrections of the fluxes and of
! the heating rates in single precision; they fit together but for its rounding. Across a thin layer
! the net flux changes by less than the last digit of a flux, so the heating rates are what is exact.
! Hence, in double precision: of the fluxes the downward ones and the upward one at the surface are
! taken, and from there upward the net flux grows by what a layer absorbs,
!
!   net(k) = net(k+1) + hr(k) (p(k+1) - p(k)) cp / g,    up(k) = dn(k) - net(k),    k = levels ... 1,
!
! so that the budget of every layer is closed.
program radiation
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use columns
  use radiation_correction_library
  implicit none
  real(real64), parameter :: gravity = 9.80665_real64, heat_capacity = 1004, day = 86400
  real(real64), parameter :: heating = day * gravity / heat_capacity  ! [K/day Pa/(W/m2)]
  real(real64), parameter :: rounding = 1e-2_real64  ! [W/m2]
  type(columns_file) :: input
  type(results_file) :: output
  real(real64), allocatable, dimension(:, :) :: surface, overlap, thickness
  real(real64), allocatable, dimension(:, :, :) :: layers, half, flux, hr, flux_correction, hr_correction
  real(real64) :: moved, residual, seconds
  integer(int64) :: calls, done
  integer :: nproma, first, n, levels, status, band
  character(len=:), allocatable :: given
  character(len=8) :: number

  if (command_argument_count() < 2 .or. command_argument_count() > 3) &
    call stop_with("usage: radiation COLUMNS OUTPUT [NPROMA]")
  nproma = 32
  if (command_argument_count() == 3) then
    given = argument(3)
    read (given, *, iostat=status) nproma
    if (status /= 0 .or. nproma < 1) call stop_with("NPROMA: expected a number from 1, found "//given)
  end if
  input = open_columns(argument(1))
  output = create_results(argument(2), input)
  levels = input%levels
  allocate (surface(nproma, 17), layers(nproma, levels, 27), half(nproma, levels + 1, 2))
  allocate (overlap(nproma, levels - 1), thickness(nproma, levels))
  allocate (flux(nproma, levels + 1, 4), flux_correction(nproma, levels + 1, 4))
  allocate (hr(nproma, levels, 2), hr_correction(nproma, levels, 2))
  moved = 0
  residual = 0
  do first = 1, input%count, nproma
    call read_block(input, first, n, surface, layers, half, overlap, flux)
    thickness(:n, :) = half(:n, 2:, 2) - half(:n, :levels, 2)
    if (.not. all(thickness(:n, :) > 0)) &
      call stop_with("pressure_hl does not increase downward in the columns from "//text_of(first))
    call corrections()
    do band = 1, 2
      call add(flux(:n, :, 2 * band - 1), flux(:n, :, 2 * band), hr(:n, :, band), thickness(:n, :), &
               flux_correction(:n, :, 2 * band - 1), flux_correction(:n, :, 2 * band), &
               hr_correction(:n, :, band))
    end do
    if (moved > rounding) then
      write (number, "(es8.1)") moved
      call stop_with("the network's fluxes and heating rates differ by"//number//" W/m2: expected one with "// &
                     "structured: true, whose heating rates are those of its fluxes")
    end if
    call write_block(output, first, half(:n, :, 2), flux(:n, :, :), hr(:n, :, :))
  end do
  call close_results(output)
  call radiation_correction_counters(calls, done, seconds)
  write (*, "(i0, a, i0, a, f0.3, a)") done, " columns in ", calls, " calls, ", seconds, " s"
  write (*, "(a, es8.1, a)") "rounding of the network's upward fluxes:", moved, " W/m2"
  write (*, "(a, es8.1, a)") "largest residual of the budget of a layer:", residual, " W/m2"

contains

  function argument(i) result(text)
    integer, intent(in) :: i
    character(len=:), allocatable :: text
    integer :: length
    call get_command_argument(i, length=length)
    allocate (character(len=length) :: text)
    call get_command_argument(i, text)
  end function argument

  subroutine corrections()
    associate (s => surface, x => layers, h => half, f => flux_correction, r => hr_correction)
      call radiation_correction_nproma(n, &
        s(:, 1), s(:, 2), s(:, 3), s(:, 4), s(:, 5), s(:, 6), s(:, 7), s(:, 8), s(:, 9), s(:, 10), &
        s(:, 11), s(:, 12), s(:, 13), s(:, 14), s(:, 15), s(:, 16), s(:, 17), &
        x(:, :, 1), x(:, :, 2), x(:, :, 3), x(:, :, 4), x(:, :, 5), x(:, :, 6), x(:, :, 7), x(:, :, 8), &
        x(:, :, 9), x(:, :, 10), x(:, :, 11), x(:, :, 12), x(:, :, 13), x(:, :, 14), x(:, :, 15), &
        x(:, :, 16), x(:, :, 17), x(:, :, 18), x(:, :, 19), x(:, :, 20), x(:, :, 21), x(:, :, 22), &
        x(:, :, 23), x(:, :, 24), x(:, :, 25), x(:, :, 26), x(:, :, 27), h(:, :, 1), h(:, :, 2), overlap, &
        f(:, :, 1), f(:, :, 2), f(:, :, 3), f(:, :, 4), r(:, :, 1), r(:, :, 2), status)
    end associate
    if (status /= 0) call stop_with("columns from "//text_of(first)//": "//radiation_correction_message())
  end subroutine corrections

  ! Add corrections to the fluxes of a band, and give the heating rates of their sum.
  subroutine add(dn, up, hr, dp, dn_correction, up_correction, hr_correction)
    real(real64), intent(inout) :: dn(:, :), up(:, :)
    real(real64), intent(out) :: hr(:, :)
    real(real64), intent(in) :: dp(:, :), dn_correction(:, :), up_correction(:, :), hr_correction(:, :)
    real(real64) :: net(size(dn, 1))
    integer :: k
    hr = heating * absorbed(dn - up) / dp + hr_correction
    net = dn_correction(:, levels + 1) - up_correction(:, levels + 1)
    do k = levels + 1, 1, -1
      if (k <= levels) net = net + hr_correction(:, k) * dp(:, k) / heating
      moved = max(moved, maxval(abs(dn_correction(:, k) - net - up_correction(:, k))))
      dn(:, k) = dn(:, k) + dn_correction(:, k)
      up(:, k) = up(:, k) + dn_correction(:, k) - net
    end do
    residual = max(residual, maxval(abs(hr * dp / heating - absorbed(dn - up))))
  end subroutine add

  ! What the layers take of a net flux downward.
  function absorbed(net)
    real(real64), intent(in) :: net(:, :)
    real(real64) :: absorbed(size(net, 1), levels)
    absorbed = net(:, :levels) - net(:, 2:)
  end function absorbed

end program radiation
