! Radiation columns in netCDF files, as weather_forecast/bias_correction/io/layout.py describes them.
! The first level is at the top of the atmosphere. Blocks in memory have the column first.
module columns
  use, intrinsic :: iso_c_binding, only: c_char, c_int, c_null_char
  use, intrinsic :: iso_fortran_env, only: error_unit, real64
  use netcdf
  implicit none
  private
  public :: columns_file, results_file, open_columns, read_block, create_results, write_block, &
            close_results, text_of, stop_with

  character(len=*), parameter :: inputs(4) = &
    [character(len=12) :: "sca_inputs", "col_inputs", "hl_inputs", "inter_inputs"]
  character(len=*), parameter :: fluxes(4) = ["flux_dn_sw", "flux_up_sw", "flux_dn_lw", "flux_up_lw"]
  character(len=*), parameter :: heating_rates(2) = ["hr_sw", "hr_lw"]
  character(len=*), parameter :: axis_names(4) = &
    [character(len=15) :: "column", "level", "half_level", "level_interface"]
  ! The attributes channel_names and channel_units, where a file has them.
  integer, parameter :: long = 420
  character(len=*), parameter :: names(4) = [character(len=long) :: &
    "skin_temperature,cos_solar_zenith_angle,sw_albedo_1,sw_albedo_2,sw_albedo_3,sw_albedo_4,"// &
    "sw_albedo_5,sw_albedo_6,sw_albedo_direct_1,sw_albedo_direct_2,sw_albedo_direct_3,"// &
    "sw_albedo_direct_4,sw_albedo_direct_5,sw_albedo_direct_6,lw_emissivity_1,lw_emissivity_2,"// &
    "solar_irradiance", &
    "q,o3_mmr,co2_vmr,n2o_vmr,ch4_vmr,o2_vmr,cfc11_vmr,cfc12_vmr,hcfc22_vmr,ccl4_vmr,"// &
    "cloud_fraction,aerosol_mmr_1,aerosol_mmr_2,aerosol_mmr_3,aerosol_mmr_4,aerosol_mmr_5,"// &
    "aerosol_mmr_6,aerosol_mmr_7,aerosol_mmr_8,aerosol_mmr_9,aerosol_mmr_10,aerosol_mmr_11,"// &
    "aerosol_mmr_12,q_liquid,q_ice,re_liquid,re_ice", &
    "temperature_hl,pressure_hl", &
    "overlap_param"]
  character(len=*), parameter :: units(4) = [character(len=long) :: &
    "K"//repeat(",1", 15)//",W/m2", &
    "kg/kg,kg/kg"//repeat(",mol/mol", 8)//",1"//repeat(",kg/kg", 14)//",m,m", &
    "K,Pa", &
    "1"]

  type columns_file
    character(len=:), allocatable :: path
    integer :: id, count, levels, inputs(4), fluxes(4)
  end type columns_file

  type results_file
    character(len=:), allocatable :: path
    integer :: id, pressure, fluxes(4), heating_rates(2)
  end type results_file

  interface
    integer(c_int) function c_rename(old, new) bind(c, name="rename")
      import :: c_char, c_int
      character(kind=c_char), intent(in) :: old(*), new(*)
    end function c_rename
  end interface

contains

  ! ---- Columns, with the fluxes of Tripleclouds ----

  function open_columns(path) result(file)
    character(len=*), intent(in) :: path
    type(columns_file) :: file
    integer :: i, sizes(3)
    file%path = path
    call check(nf90_open(path, nf90_nowrite, file%id), path)
    sizes = sizes_of(file, "col_inputs", 3)
    file%levels = sizes(2)
    file%count = sizes(3)
    file%inputs = [variable(file, inputs(1), [17, file%count], ""), &
                   variable(file, inputs(2), [27, file%levels, file%count], "level"), &
                   variable(file, inputs(3), [2, file%levels + 1, file%count], "half_level"), &
                   variable(file, inputs(4), [1, file%levels - 1, file%count], "level_interface")]
    do i = 1, 4
      call expect_text(file, inputs(i), "channel_names", names(i))
      call expect_text(file, inputs(i), "channel_units", units(i))
      file%fluxes(i) = variable(file, "tripleclouds_"//fluxes(i), [file%levels + 1, file%count], "half_level")
      call expect_text(file, "tripleclouds_"//fluxes(i), "units", "W m-2")
    end do
  end function open_columns

  ! Columns from the first on, as many as blocks have room for or the file has; n of them.
  subroutine read_block(file, first, n, surface, layers, half, overlap, tripleclouds)
    type(columns_file), intent(in) :: file
    integer, intent(in) :: first
    integer, intent(out) :: n
    real(real64), intent(inout) :: surface(:, :)          ! (column, channel)
    real(real64), intent(inout) :: layers(:, :, :)        ! (column, layer, channel)
    real(real64), intent(inout) :: half(:, :, :)          ! (column, half level, channel)
    real(real64), intent(inout) :: overlap(:, :)          ! (column, interface of two layers)
    real(real64), intent(inout) :: tripleclouds(:, :, :)  ! (column, half level, flux)  [W m-2]
    real(real64), allocatable :: s(:, :), l(:, :, :), h(:, :, :), o(:, :, :), f(:, :)
    integer :: i
    n = min(size(surface, 1), file%count - first + 1)
    allocate (s(17, n), l(27, file%levels, n), h(2, file%levels + 1, n), o(1, file%levels - 1, n))
    allocate (f(file%levels + 1, n))
    call check(nf90_get_var(file%id, file%inputs(1), s, [1, first], shape(s)), file%path)
    call check(nf90_get_var(file%id, file%inputs(2), l, [1, 1, first], shape(l)), file%path)
    call check(nf90_get_var(file%id, file%inputs(3), h, [1, 1, first], shape(h)), file%path)
    call check(nf90_get_var(file%id, file%inputs(4), o, [1, 1, first], shape(o)), file%path)
    surface(:n, :) = transpose(s)
    layers(:n, :, :) = reshape(l, [n, file%levels, 27], order=[3, 2, 1])
    half(:n, :, :) = reshape(h, [n, file%levels + 1, 2], order=[3, 2, 1])
    overlap(:n, :) = transpose(o(1, :, :))
    do i = 1, 4
      call check(nf90_get_var(file%id, file%fluxes(i), f, [1, first], shape(f)), file%path)
      tripleclouds(:n, :, i) = transpose(f)
    end do
    call expect_fluxes(file, first, tripleclouds(:n, :, :))
  end subroutine read_block

  ! ---- What a file is expected to be ----

  function sizes_of(file, name, axes, names_found) result(sizes)
    type(columns_file), intent(in) :: file
    character(len=*), intent(in) :: name
    integer, intent(in) :: axes
    character(len=nf90_max_name), intent(out), optional :: names_found(axes)
    integer :: sizes(axes), id, found, dimensions(nf90_max_var_dims), i
    call check(nf90_inq_varid(file%id, name, id), file%path//": "//name)
    call check(nf90_inquire_variable(file%id, id, ndims=found, dimids=dimensions), file%path)
    if (found /= axes) call stop_with(file%path//": "//trim(name)//" has "//text_of(found)// &
                                      " axes, expected "//text_of(axes))
    do i = 1, axes
      call check(nf90_inquire_dimension(file%id, dimensions(i), len=sizes(i)), file%path)
      if (present(names_found)) call check(nf90_inquire_dimension(file%id, dimensions(i), names_found(i)), file%path)
    end do
  end function sizes_of

  ! The variable of a name: plain numbers of an expected shape, whose last axis is the columns', and
  ! the one before it the levels'. Axes may have other names than the layout's, but not each other's.
  integer function variable(file, name, expected, levels) result(id)
    type(columns_file), intent(in) :: file
    character(len=*), intent(in) :: name, levels
    integer, intent(in) :: expected(:)
    character(len=nf90_max_name) :: axes(size(expected)), right(size(expected))
    integer :: found(size(expected)), kind, i
    found = sizes_of(file, name, size(expected), axes)
    right = ""
    right(size(right) - 1:) = [character(len=nf90_max_name) :: levels, "column"]
    do i = 1, size(expected)
      if (axes(i) /= right(i) .and. any(axes(i) == axis_names)) &
        call stop_with(file%path//": "//trim(name)//" has its axes in another order: "//trim(axes(i))// &
                       " is axis "//text_of(size(expected) + 1 - i))
      if (found(i) /= expected(i)) &
        call stop_with(file%path//": "//trim(name)//" has "//text_of(found(i))//" along axis "// &
                       text_of(size(expected) + 1 - i)//", expected "//text_of(expected(i)))
    end do
    call check(nf90_inq_varid(file%id, name, id), file%path)
    call check(nf90_inquire_variable(file%id, id, xtype=kind), file%path)
    if (kind /= nf90_float .and. kind /= nf90_double) &
      call stop_with(file%path//": "//trim(name)//" holds no floating-point numbers")
    if (nf90_inquire_attribute(file%id, id, "scale_factor") == nf90_noerr .or. &
        nf90_inquire_attribute(file%id, id, "add_offset") == nf90_noerr) &
      call stop_with(file%path//": "//trim(name)//" is packed, expected plain numbers")
  end function variable

  ! An attribute that a variable may lack, but of no other text.
  subroutine expect_text(file, name, attribute, expected)
    type(columns_file), intent(in) :: file
    character(len=*), intent(in) :: name, attribute, expected
    character(len=:), allocatable :: found
    integer :: id, length
    call check(nf90_inq_varid(file%id, name, id), file%path)
    if (nf90_inquire_attribute(file%id, id, attribute, len=length) /= nf90_noerr) return
    allocate (character(len=length) :: found)
    call check(nf90_get_att(file%id, id, attribute, found), &
               file%path//": "//trim(name)//", attribute "//attribute)
    if (found /= expected) &
      call stop_with(file%path//": "//trim(name)//", attribute "//attribute//": "//found// &
                     ", expected "//trim(expected))
  end subroutine expect_text

  subroutine expect_fluxes(file, first, tripleclouds)
    type(columns_file), intent(in) :: file
    integer, intent(in) :: first
    real(real64), intent(in) :: tripleclouds(:, :, :)
    character(len=24) :: number
    integer :: at(3)
    at = findloc(tripleclouds >= -1 .and. tripleclouds <= 2000, .false.)
    if (at(1) == 0) return
    write (number, "(es12.5)") tripleclouds(at(1), at(2), at(3))
    call stop_with(file%path//": tripleclouds_"//fluxes(at(3))//" is "//trim(adjustl(number))// &
                   " W m-2 at column "//text_of(first + at(1) - 1)//", half level "// &
                   text_of(at(2))//", expected 0 ... 2000")
  end subroutine expect_fluxes

  ! ---- Fluxes and heating rates ----

  function create_results(path, columns) result(file)
    character(len=*), intent(in) :: path
    type(columns_file), intent(in) :: columns
    type(results_file) :: file
    integer :: column, level, half_level, i
    logical :: exists
    inquire (file=path, exist=exists)
    if (exists) call stop_with(path//": expected a new file")
    file%path = path
    call check(nf90_create(part(path), ior(nf90_clobber, nf90_netcdf4), file%id), path)
    call check(nf90_def_dim(file%id, "column", columns%count, column), path)
    call check(nf90_def_dim(file%id, "level", columns%levels, level), path)
    call check(nf90_def_dim(file%id, "half_level", columns%levels + 1, half_level), path)
    file%pressure = defined("pressure_hl", half_level, "Pa")
    do i = 1, 4
      file%fluxes(i) = defined(fluxes(i), half_level, "W m-2")
    end do
    do i = 1, 2
      file%heating_rates(i) = defined(heating_rates(i), level, "K d-1")
    end do
    call check(nf90_enddef(file%id), path)

  contains

    integer function defined(name, levels, units) result(id)
      character(len=*), intent(in) :: name, units
      integer, intent(in) :: levels
      call check(nf90_def_var(file%id, name, nf90_double, [levels, column], id), path)
      call check(nf90_put_att(file%id, id, "units", units), path)
    end function defined

  end function create_results

  subroutine write_block(file, first, pressure, flux, heating)
    type(results_file), intent(in) :: file
    integer, intent(in) :: first
    real(real64), intent(in) :: pressure(:, :), flux(:, :, :), heating(:, :, :)
    integer :: i
    call put(file%pressure, pressure)
    do i = 1, 4
      call put(file%fluxes(i), flux(:, :, i))
    end do
    do i = 1, 2
      call put(file%heating_rates(i), heating(:, :, i))
    end do

  contains

    subroutine put(id, x)
      integer, intent(in) :: id
      real(real64), intent(in) :: x(:, :)
      call check(nf90_put_var(file%id, id, transpose(x), [1, first], [size(x, 2), size(x, 1)]), file%path)
    end subroutine put

  end subroutine write_block

  ! Only a complete file gets its name.
  subroutine close_results(file)
    type(results_file), intent(in) :: file
    call check(nf90_close(file%id), file%path)
    if (c_rename(part(file%path)//c_null_char, file%path//c_null_char) /= 0) &
      call stop_with(file%path//": cannot rename "//part(file%path))
  end subroutine close_results

  function part(path)
    character(len=*), intent(in) :: path
    character(len=:), allocatable :: part
    part = path//".part"
  end function part

  ! ---- Messages ----

  subroutine check(status, where)
    integer, intent(in) :: status
    character(len=*), intent(in) :: where
    if (status /= nf90_noerr) call stop_with(trim(where)//": "//trim(nf90_strerror(status)))
  end subroutine check

  function text_of(number) result(text)
    integer, intent(in) :: number
    character(len=:), allocatable :: text
    character(len=12) :: digits
    write (digits, "(i0)") number
    text = trim(digits)
  end function text_of

  subroutine stop_with(text)
    character(len=*), intent(in) :: text
    write (error_unit, "(a)") text
    stop 1
  end subroutine stop_with

end module columns
